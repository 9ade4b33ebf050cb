"""What can be said of labels and of what a head says, and how far it is proven.

| module | for |
|---|---|
| `novelty` | whether what is to be judged looks like what was labelled |
| `promises` | exact bounds of a share, how many random answers prove one, and where a line may be drawn without any |
| `suspects` | labels that are probably wrong, by what was said of items that were held out |
"""
