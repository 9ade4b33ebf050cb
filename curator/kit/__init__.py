"""For authors of plugins, beside `curator.api`: each module is one thing that curator's own plugins use, too.

| module | for |
|---|---|
| `torch_encoder` | an encoder of pictures by a torch network: a subclass says what is its own |
| `torch_network` | such a network when it is loaded, for encoders that do more with it |
| `linear_head` | a head that is linear in the vector: a subclass says how weights and bias are learnt |
| `weights` | weights read without running code from them, and compared with what is wanted |
| `downloads` | weights found in the caches of torch and of the Hugging Face hub, else fetched into them |
| `graph` | a network of convolutions written down as an ONNX model without torch |
| `onnx_encoder` | an encoder by an ONNX model that a runtime has loaded, as where torch is not installed |
| `onnx` | from a torch network to a form that runs without torch |
| `devices` | where encoders compute and with which numbers, and heads on how many threads |
| `finetuning` | the loop in which a torch network of pictures learns labels |
| `images` | pictures decoded safely |
| `reading` | whatever a library raises at somebody's file, as one error with a reason |
| `memory` | how much memory pictures take while they are decoded |
| `splits` | items to learn from and items to measure on, between which nothing leaks |
| `copies` | what counts as a copy: pictures, texts, vectors, examples to learn from; finding and proving them |
| `companions` | files that belong to one another by their names: a picture, its sidecars, its raw file, its film |
| `encodings` | which encoding a text is in, with the lines that are in another one |
| `encodings.familiar` | the characters that any text in a script is mostly made of |
| `encodings.delimiters` | what parts the fields of a table of text |
| `trust` | what can be said of items, of labels and of heads: flaws, suspects, promises with their bounds |
| `sheets` | contact sheets |
| `listing` | the columns by which an item is told in a table |

Public. To import a module costs nothing, but for `torch_network`, which is for what `load` enters: it brings torch; and
for `trust.novelty`, `trust.suspects` and those in `copies`, which bring numpy.
"""
