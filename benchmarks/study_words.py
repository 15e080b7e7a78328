"""The prose of `docs/results.md`: what holds whatever the numbers are."""

ROWS = {
    "baseline": "(a) the network without gates, identity and triplet losses",
    "baseline_cmco": "(b) the same with CMCO as a plain loss of the weights",
    "baseline_cmco_longer": "(b) trained for as many epochs as search and "
    "retraining of (h) together",
    "joint": "(c) gates and weights trained together on one batch",
    "channel": "(d) channels are searched, pixels all kept",
    "spatial": "(e) pixels are searched, channels all kept",
    "dual": "(f) both levels are searched, without CMCO on the search",
    "dual_cmco_image": "(g) both, CMCO on the search; proxy set by image",
    "dual_cmco_identity": "(h) both, CMCO on the search; proxy set by "
    "identity: the full method, at the budget",
    "dual_cmco_identity_longer": "(h) retrained for as many epochs as "
    "`baseline_cmco_longer` trains",
    "stages_only": "(h) as the recipe `demo` has it: cells behind the stages "
    "alone, no budget",
    "stages_only_longer": "the same, retrained for as many epochs as "
    "`baseline_cmco_longer` trains",
    "transferred": "the architecture that (h) found in another world, "
    "retrained here",
    "random": "(i) a random architecture as open as the one (h) found",
    "second_order": "(j) as (h), the gates' gradient unrolled by one step of "
    "the weights",
    "squeeze_excitation": "(k) squeeze-and-excitation where the gates would be",
    "cbam": "(k) attention in the style of CBAM where the gates would be",
}

OPENING = """
# What the search brings

<!-- Made by `python -m benchmarks.study_report` of
benchmarks/results/study.jsonl and benchmarks/study_discussion.md. Change
those; changes here are lost. -->

A method is believed by its ablation. This page puts the search beside the same
network without it, beside its own parts, beside a random choice and beside
attention that people designed. Its tables and verdicts are computed from the
runs listed at the end.
"""

COMPARED = """
## What is compared

Every row trains the same network from the same weights for the same epochs on
the same batches, with the settings of the recipe `demo` in
`nfs_keras/recipes.py`, `compressed` unless the row says otherwise, and is
scored after its last epoch on people it has never seen. Rows that search do so
*before* that training, derive an architecture, go back to the starting weights
and retrain with the hard masks. So training is equal and the search comes on
top: its time is in the seconds.
The weights that all rows start from are those of
`benchmarks/pretrain_tiny.py`: visible pictures of people who are in none of
these datasets. Proxy batches, inner gates and budget were tried out on two
worlds of their own (`nfs-reid synthesize` with `--seed=7` and `--seed=8`),
which are in no table. Everything older in the recipe was found on the people
of the first table, and so was that the default is the form without a budget:
its figures there are the better for it.
Searches of one seed begin with the same warm-up; each row's seconds hold all of
it. No row picks its epoch by the test set.

Compressed means: a search is pulled to an open fraction of 60 %, takes in the
channels inside the blocks wherever it searches channels, and keeps what the
budget allows. So all searched rows but two are compared at one budget. The two,
`stages_only` and `stages_only_longer`, are what `make demo` does: no budget,
and cells behind the stages alone.
"""

SCORES = """
Percent, mean ± standard deviation over seeds; a seed sets the starting weights,
the batches and the division into train and proxy. V is visible, I infrared.
MFLOP are the operations that embed one picture, a multiply-add counted as two.
Seconds are those of the whole run, search included, on a machine that may have
been busy: a rough cost, not a benchmark. The gap is what mAP loses, in points,
when soft gates are rounded to the architecture, before it is retrained.
"""

DIFFERENCES = """
Which of these differences are more than luck? Each line subtracts the rival's
score from the row's, seed by seed, both directions averaged: points, with the
95 % interval of Student's t. *Above* and *below* mean that the interval leaves
out zero. One in twenty such intervals does so by chance: read a verdict that
stands alone with care.
"""

COMPACTED = """
Channels that a modality does not keep are cut out of the convolutions of its
own network; MFLOP are those of a picture, the mean over both modalities.
*Saved* is the share of operations that this spares, of the row's own
uncompacted network and of the network without gates (`baseline_cmco`). The
scores are those of the network that serves both modalities, which has all
channels that either keeps.
"""

TARGETS = """
What the study set out to reach, and what it did: for the method without a
budget (`stages_only`) and with one (`dual_cmco_identity`). Differences are
means of both directions, and what is met is decided by the numbers.
"""

PUBLISHED = """
## What the paper reports

| | RegDB V to I | RegDB I to V | SYSU-MM01 all-search | indoor-search |
| --- | --- | --- | --- | --- |
| NFS (Chen et al., CVPR 2021) | 80.54 / 72.10 | 77.95 / 69.79 | 56.91 / 55.45 \
| 62.79 / 69.79 |
| AGW, the recipe behind the preset `paper` | 70.05 / 66.37 | 70.49 / 65.90 \
| 47.50 / 47.65 | 54.17 / 62.97 |

R-1 / mAP, as published. **Not comparable with anything above**: photographs of
real people instead of drawn ones, ResNet-50 started from ImageNet at 288 x 144
instead of a tiny network that has never seen a photograph. They stand here so
that nobody has to look them up, and nobody mistakes our figures for them.
"""

NOT_SHOWN = """
## What this does not show

- **Nothing about real photographs.** RegDB, SYSU-MM01 and LLCM are handed out
  by request and were not at hand. The people are drawn (see
  [synthetic_data.md](synthetic_data.md)); what identifies them across
  modalities, and what misleads, was put there by us.
- **Nothing about large networks.** The network is `tiny`, and no ImageNet
  weights were at hand. A search may bring more, or less, to a network that
  already knows what to look at.
- **Not the paper's numbers.** The paper's formulas, temperatures and weights
  are not public: ours are our choice, and so is whatever they reach.
- **No other world than the ones named above**, and one division of its people
  into training and test: the seeds vary training, not the test set. What the
  search gains differs from world to world more than from seed to seed.
- **Nothing about other settings.** The recipe was found by trying it on drawn
  people like these; that its settings suit others has to be seen there.
"""

REPEAT = """
## Where the numbers come from

Every line of `benchmarks/results/study.jsonl` is one run, with its command and
commit (`+`: the working tree had changes). `python -m benchmarks.study` goes on
where that file ends, `python -m benchmarks.study_report` makes this page. The
other worlds are drawn by

```sh
nfs-reid synthesize --seed=9 data/synthetic_regdb_9
nfs-reid synthesize --seed=10 data/synthetic_regdb_10
nfs-reid synthesize --seed=1 --difficulty=0.5 data/synthetic_regdb_other
nfs-reid synthesize --kind=sysu_mm01 --num_identities=200 \\
    data/synthetic_sysu_mm01_200
```
"""
