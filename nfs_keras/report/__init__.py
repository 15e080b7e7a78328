"""Pictures of a search, and a page that tells a whole run.

Every `plot_*` function takes plain arrays and returns a
`matplotlib.figure.Figure`, so it works alone in a notebook; none touches
pyplot or leaves a figure open. `Run` reads the folder that a run left behind,
whatever is missing in it. `write_report` puts all of it on one page,
`write_tensorboard` hands it to TensorBoard, `summarize_run` to a terminal.

Drawing needs `pip install "nfs_keras[report]"`.
"""

from nfs_keras.report.cmc_curves import plot_cmc as plot_cmc
from nfs_keras.report.cost_accuracy import (
    plot_cost_accuracy as plot_cost_accuracy,
)
from nfs_keras.report.embedding_map import embedding_map as embedding_map
from nfs_keras.report.embedding_map import (
    plot_embedding_map as plot_embedding_map,
)
from nfs_keras.report.kept_channels import (
    plot_kept_channels as plot_kept_channels,
)
from nfs_keras.report.kept_pixels import plot_kept_pixels as plot_kept_pixels
from nfs_keras.report.learning_curves import (
    plot_learning_curves as plot_learning_curves,
)
from nfs_keras.report.rank_lists import RankList as RankList
from nfs_keras.report.rank_lists import find_rank_lists as find_rank_lists
from nfs_keras.report.rank_lists import plot_rank_lists as plot_rank_lists
from nfs_keras.report.run import Run as Run
from nfs_keras.report.search_curves import (
    plot_gate_movement as plot_gate_movement,
)
from nfs_keras.report.search_curves import (
    plot_search_curves as plot_search_curves,
)
from nfs_keras.report.similarity_histogram import (
    plot_similarity_histogram as plot_similarity_histogram,
)
from nfs_keras.report.summarize_run import summarize_run as summarize_run
from nfs_keras.report.write_report import write_report as write_report
from nfs_keras.report.write_tensorboard import (
    write_tensorboard as write_tensorboard,
)
