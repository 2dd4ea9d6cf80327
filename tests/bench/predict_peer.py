"""A network in ONNX Runtime or PyTorch, which answers on stdout what stdin asks, for predict.py.

    predict_peer.py onnx MODEL THREADS
    predict_peer.py torch BINARY CHECKPOINT THREADS

    version                  what it is
    pictures DIR N           writes N smooth JPEG files as large as the input: DIR/0.jpg, ...
    images FILE.npy BATCH    runs all of a file of uint8, BATCH at a time, and tells the seconds of processor time
                             and of the clock that it took, pictures made floats included
    anything else            the name of a picture: reads it, runs it alone, tells each head's largest output's number

PyTorch runs eagerly, channels last, in inference mode. Both normalize pixels inside, as the exported model does.
"""

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent


class Onnx:
    def __init__(self, model, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(threads)
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.version = f"ONNX Runtime {onnxruntime.__version__}"
        self.shape = self.session.get_inputs()[0].shape[1:]
        self.name = self.session.get_inputs()[0].name
        self.outputs = [output.name for output in self.session.get_outputs()]

    def run(self, pictures):
        return self.session.run(self.outputs, {self.name: pictures.astype(np.float32)})


class Torch:
    def __init__(self, binary, checkpoint, threads):
        sys.path.insert(0, str(HERE.parent / "oracle"))
        import medley
        import torch
        from torch_network import Network

        torch.set_num_threads(int(threads))
        description = medley.Binary(binary).info()
        tensors = medley.read_safetensors(checkpoint)
        self.torch = torch
        self.version = f"PyTorch {torch.__version__.split('+')[0]}"
        size = description["input"]
        self.shape = [size["channels"], size["height"], size["width"]]
        self.network = Network(description).eval().to(memory_format=torch.channels_last)
        self.network.load(tensors)
        column = (1, -1, 1, 1)
        self.mean = torch.tensor(tensors["input.mean"]).reshape(column)
        self.deviation = torch.tensor(tensors["input.deviation"]).reshape(column)

    def run(self, pictures):
        with self.torch.inference_mode():
            x = self.torch.from_numpy(pictures).to(self.torch.float32)
            x = ((x - self.mean) / self.deviation).contiguous(memory_format=self.torch.channels_last)
            return [output.numpy() for output in self.network(x).values()]


def read_picture(path, shape):
    picture = Image.open(path).convert("L" if shape[0] == 1 else "RGB")
    if picture.size != (shape[2], shape[1]):
        raise ValueError(f"{path}: {picture.size}")
    array = np.asarray(picture)
    return np.ascontiguousarray(array.reshape(*array.shape[:2], shape[0]).transpose(2, 0, 1))[None]


def write_pictures(folder, count, shape):
    draw = np.random.default_rng(2)
    for i in range(count):
        small = draw.integers(0, 256, (8, 8, shape[0]), dtype=np.uint8)
        picture = Image.fromarray(small[:, :, 0] if shape[0] == 1 else small)
        picture.resize((shape[2], shape[1]), Image.Resampling.BICUBIC).save(Path(folder) / f"{i}.jpg", quality=90)


def time_images(peer, file, batch):
    images = np.load(file)
    images = images.reshape(-1, *peer.shape)
    started, processor = time.perf_counter(), time.process_time()
    for i in range(0, len(images), batch):
        peer.run(images[i:i + batch])
    return f"{time.process_time() - processor} {time.perf_counter() - started}"


def answer(peer, words):
    if words[0] == "version":
        return peer.version
    if words[0] == "pictures":
        write_pictures(words[1], int(words[2]), peer.shape)
        return "done"
    if words[0] == "images":
        return time_images(peer, words[1], int(words[2]))
    return ",".join(str(output[0].argmax()) for output in peer.run(read_picture(words[0], peer.shape)))


def main():
    peer = {"onnx": Onnx, "torch": Torch}[sys.argv[1]](*sys.argv[2:])
    while line := sys.stdin.readline():
        print(answer(peer, line.split()), flush=True)


if __name__ == "__main__":
    main()
