"""Figures of a search, and a page about a whole run.

Every `plot_*` function takes plain arrays and returns a
`matplotlib.figure.Figure`, so it works alone in a notebook; none touches
pyplot or leaves a figure open. `Run` reads the folder of a run, whatever is
missing in it. `write_report` writes all of it to one page,
`write_tensorboard` to logs for TensorBoard, and `summarize_run` gives it as
text.

Plotting needs `pip install "nfs_keras[report]"`.
"""

from nfs_keras.report.accuracy import plot_cmc as plot_cmc
from nfs_keras.report.accuracy import (
    plot_cost_accuracy as plot_cost_accuracy,
)
from nfs_keras.report.embeddings import embedding_map as embedding_map
from nfs_keras.report.embeddings import (
    plot_embedding_map as plot_embedding_map,
)
from nfs_keras.report.embeddings import (
    plot_similarity_histogram as plot_similarity_histogram,
)
from nfs_keras.report.kept_features import (
    plot_kept_channels as plot_kept_channels,
)
from nfs_keras.report.kept_features import plot_kept_pixels as plot_kept_pixels
from nfs_keras.report.rank_lists import RankList as RankList
from nfs_keras.report.rank_lists import find_rank_lists as find_rank_lists
from nfs_keras.report.rank_lists import plot_rank_lists as plot_rank_lists
from nfs_keras.report.run import Run as Run
from nfs_keras.report.summarize_run import summarize_run as summarize_run
from nfs_keras.report.training_curves import (
    plot_gate_movement as plot_gate_movement,
)
from nfs_keras.report.training_curves import (
    plot_learning_curves as plot_learning_curves,
)
from nfs_keras.report.training_curves import (
    plot_search_curves as plot_search_curves,
)
from nfs_keras.report.write_report import write_report as write_report
from nfs_keras.report.write_tensorboard import (
    write_tensorboard as write_tensorboard,
)
