"""The pipeline: from a dataset to a searched, scored and exported network.

`run_pipeline` runs it in stages. Each stage writes its result into the folder
of the run and is skipped if its result exists, so the same call resumes an
interrupted run; training resumes at its last epoch, exactly. `run_trials` runs
the pipeline on every trial of RegDB.
"""

from nfs_keras.pipeline.check_run import STAGES as STAGES
from nfs_keras.pipeline.run_pipeline import run_pipeline as run_pipeline
from nfs_keras.pipeline.run_trials import run_trials as run_trials
from nfs_keras.pipeline.scoring import embed_test as embed_test
from nfs_keras.pipeline.scoring import evaluate_embedded as evaluate_embedded
from nfs_keras.pipeline.scoring import image_embedder as image_embedder
from nfs_keras.run_folder import RunFolder as RunFolder
