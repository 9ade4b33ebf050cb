"""For authors of plugins, beside `curator.api`: each module is one thing that curator's own plugins use, too.

| module | for |
|---|---|
| `weights` | weights read without running code from them, and compared with what is wanted |
| `onnx` | from a torch network to a form that answers a query without torch |
| `devices` | where encoders compute, and with which numbers |
| `finetuning` | the loop in which a torch network of pictures learns labels |
| `images` | pictures decoded safely |
| `splits` | items to learn from and items to measure on, between which nothing leaks |
| `sheets` | contact sheets |

Public. Nothing heavy is imported with any of them.
"""
