"""Ways to embed: the encoder as it is loaded, or its form in a runtime, in float32 or in shorter numbers.

| module | in it |
|---|---|
| `way` | what a way is, and what may be asked for |
| `agreement` | whether two ways find the same |
| `forms` | encoders as ONNX models: made once, held against the encoder, kept |
| `opened` | what embeds with one model here, each part opened when it is first asked for |
| `trial` | several ways measured on the same batches |
| `quickest` | which way embeds what comes next |
"""
