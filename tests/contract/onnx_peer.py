"""What other programs say of an ONNX file: onnx's checker, and ONNX Runtime on pictures. Runs with the packages of
peers.txt, apart from the tests.

    onnx_peer.py MODEL IMAGES.npy OUT.npz BATCH

Checks the file with all that the checker has, runs the pictures BATCH at a time, the last ones fewer, and writes each
output of the model by its name. Prints a JSON object: inputs and outputs with their shapes, metadata, operators.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime


def main():
    model, images, out, batch = *sys.argv[1:4], int(sys.argv[4])
    graph = onnx.load(model)
    onnx.checker.check_model(graph, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    pictures = np.load(images).astype(np.float32)
    given = session.get_inputs()[0]
    pictures = pictures.reshape(-1, *given.shape[1:])
    names = [o.name for o in session.get_outputs()]
    parts = [session.run(names, {given.name: pictures[i:i + batch]}) for i in range(0, len(pictures), batch)]
    np.savez(out, **{name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts))})
    print(json.dumps({"inputs": {given.name: given.shape},
                      "outputs": {o.name: o.shape for o in session.get_outputs()},
                      "metadata": session.get_modelmeta().custom_metadata_map,
                      "operators": sorted({node.op_type for node in graph.graph.node})}))


if __name__ == "__main__":
    main()
