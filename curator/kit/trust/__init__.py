"""What can be said of labels and of what a head says, and how far it is proven.

| module | for |
|---|---|
| `novelty` | whether what is to be judged looks like what was labelled |
| `open_sets` | where a line may be drawn among items of which most are of no class: an estimate |
| `promises` | exact bounds of a share, and how many random answers prove one |
| `suspects` | labels that are probably wrong, by what was said of items that were held out |
"""
