"""What every stage of a run works on."""

from typing import NamedTuple

import keras

from nfs_keras.datasets.reader import Reader
from nfs_keras.files import replace_path
from nfs_keras.models import Objective
from nfs_keras.models.objective import num_replicas
from nfs_keras.pipeline.run_folder import RunFolder
from nfs_keras.recipes import Recipe
from nfs_keras.scale import GlobalBatchObjective

# What the networks are called in tables, and their files.
NETWORKS = {
    "baseline": "baseline.keras",
    "searched": "searched.keras",
    "compacted": "model.keras",
}


class Job(NamedTuple):
    """A run's folder, and all that decides what comes into it.

    Attributes:
        run: The `RunFolder`.
        dataset: A reader, such as `RegDB(root, trial=1)`.
        recipe: A `Recipe`.
        seed: Non-negative integer.
        search: `"dual"`, `"channel"` or `"spatial"`.
        stages: Names of the stages to do, in order.
    """

    run: RunFolder
    dataset: Reader
    recipe: Recipe
    seed: int
    search: str
    stages: tuple[str, ...]

    def epochs(self, stage: str) -> int:
        """How long a stage trains; 0 for one that does not."""
        recipe = self.recipe
        searching = recipe.warm_up_epochs + recipe.search_epochs
        trainings = {
            "baseline": recipe.epochs,
            "search": searching,
            "retrain": recipe.epochs,
        }
        return trainings.get(stage, 0)

    def epochs_after(self, stage: str) -> int:
        """How long the stages after one still train."""
        later = self.stages[self.stages.index(stage) + 1 :]
        return sum(map(self.epochs, later))

    def networks(self) -> list[str]:
        """Names of the networks that are there, in order."""
        return [n for n, file in NETWORKS.items() if (self.run / file).exists()]

    @property
    def global_batch(self) -> bool:
        """Whether several replicas train on their batches as on one."""
        return self.recipe.global_batch and num_replicas() > 1

    def spread(self, objective: Objective) -> Objective | GlobalBatchObjective:
        """Lets an objective see the batch of all replicas, if it is to."""
        return (
            GlobalBatchObjective(objective) if self.global_batch else objective
        )

    def save_network(self, name: str, network: keras.Model) -> None:
        """Saves a network in the run's folder, whole or not at all."""
        with replace_path(self.run / NETWORKS[name]) as partial:
            network.save(partial)

    def load_network(self, name: str) -> keras.Model:
        """Loads what `save_network` saved."""
        return keras.models.load_model(self.run / NETWORKS[name])
