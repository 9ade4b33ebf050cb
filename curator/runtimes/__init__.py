"""What runs a network that is written down as an ONNX model, by a library that need not be torch.

| module | in it |
|---|---|
| `runtime` | what a runtime is: it loads a form and runs batches |
| `calls` | calling one: batches that a form takes, and one line for whatever it raises |
| `onnxruntime` | ONNX Runtime, which comes with curator |
| `openvino` | OpenVINO, the extra `fast` |
| `parting` | a form without its weights, and these in a file that is mapped |
| `known` | the runtimes by their names, and which are installed |
| `machine` | what stands for a machine: what is quickest on one is not on another |
"""
