"""What TensorBoard reads in a folder of event files. Runs with the packages of peers.txt, apart from the tests.

    board_peer.py DIR

Prints a JSON object, {run: {"scalars": {tag: [[step, value]]}, "histograms": {tag: [[step, {...}]]},
"images": {tag: [[step, mode, width, height, sum of the bytes of its pixels, title, description]]},
"text": {tag: text}, "hparams": {name: value}}}, of each folder below DIR that TensorBoard takes for a run.
"""

import io
import json
import sys
from pathlib import Path

from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

EVERYTHING = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
OF_HISTOGRAM = ("min", "max", "num", "sum", "sum_squares")


def histogram(value):
    return {**{name: getattr(value, name) for name in OF_HISTOGRAM}, "limits": list(value.bucket_limit),
            "counts": list(value.bucket)}


def picture(events, tag, event):
    width, height, file = event.tensor_proto.string_val
    image = Image.open(io.BytesIO(file))
    image.load()
    if (image.width, image.height) != (int(width), int(height)):
        sys.exit(f"{tag}: {image.size}, but {width} x {height} is said")
    said = events.SummaryMetadata(tag)
    return [event.step, image.mode, image.width, image.height, sum(image.convert("RGBA").tobytes()),
            said.display_name, said.summary_description]


def of_plugin(events, plugin):
    """Tags of the plugin, {tag: content}, or none."""
    try:
        return events.PluginTagToContent(plugin)
    except KeyError:
        return {}


def hparams(events):
    found = {}
    for content in of_plugin(events, "hparams").values():
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        for name, value in data.session_start_info.hparams.items():
            found[name] = value.number_value if value.HasField("number_value") else value.string_value
        found["ended"] = found.get("ended", 0) or data.session_end_info.status
    return found


def main():
    found = {}
    root = Path(sys.argv[1])
    for folder in sorted({path.parent for path in root.rglob("*tfevents*")}):
        events = EventAccumulator(str(folder), size_guidance=EVERYTHING)
        events.Reload()
        tags = events.Tags()
        found[str(folder.relative_to(root))] = {
            "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
            "histograms": {tag: [[e.step, histogram(e.histogram_value)] for e in events.Histograms(tag)]
                           for tag in tags["histograms"]},
            "images": {tag: [picture(events, tag, e) for e in events.Tensors(tag)] for tag in of_plugin(events, "images")},
            "text": {tag: events.Tensors(tag)[-1].tensor_proto.string_val[0].decode()
                     for tag in of_plugin(events, "text")},
            "hparams": hparams(events)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
