"""The command `nfs-reid`: one verb, then its flags."""

import importlib
import sys

from absl import flags

from nfs_keras.cli.outcome import MISUNDERSTOOD, SUCCESS, exit_status, tell

VERBS = {
    "synthesize": "make a synthetic dataset in a benchmark's layout",
    "check": "examine a dataset before anything is trained on it",
    "train": "the main job: search, retrain, evaluate, export, report",
    "search": "only the search: which features are worth keeping",
    "retrain": "the main job with an architecture that was found before",
    "evaluate": "score a network on a dataset's protocol",
    "export": "write a network as a SavedModel",
    "embed": "embed a folder of images, here or by a server",
    "index": "put embeddings into a gallery",
    "query": "find a person in a gallery",
    "import-weights": "convert PyTorch weights",
    "summary": "print the essence of a run",
    "report": "write the page of one run, or compare several",
}
USAGE = """\
nfs-reid VERB [FLAGS]: feature search for RGB-infrared person re-identification

{verbs}

nfs-reid VERB --help tells more. --debug shows the traceback of an error.
Start with:

  nfs-reid synthesize data/people
  nfs-reid train --data=data/people --output=runs/first"""


def main(argv=None):
    """Runs the command line.

    Args:
        argv: List of strings, the program's name first. Defaults to
            `sys.argv`.

    Returns:
        Exit status, see `exit_status`; 1 also for a failed check.
    """
    _, *words = sys.argv if argv is None else argv
    if not words or words[0] in ("help", "-h", "--help", "--helpfull"):
        print(usage())
        return SUCCESS if words else MISUNDERSTOOD
    verb, *rest = words
    if verb not in VERBS:
        return tell(f"nfs-reid: no verb {verb!r}.\n\n{usage()}", MISUNDERSTOOD)
    return exit_status(
        lambda: run_verb(verb, rest), f"nfs-reid {verb}", "--debug" in rest
    )


def usage():
    """The text that lists the verbs."""
    lines = [f"  {verb:<16}{what}" for verb, what in VERBS.items()]
    return USAGE.format(verbs="\n".join(lines))


def run_verb(verb, words):
    """Parses a verb's flags and runs it, or tells what it does."""
    module = importlib.import_module(f"nfs_keras.cli.{verb.replace('-', '_')}")
    values = module.FLAGS
    values.unparse_flags()  # of an earlier call in this process
    if "debug" not in values:
        flags.DEFINE_bool(
            "debug", False, "Show the traceback of an error.",
            flag_values=values,
        )  # fmt: skip
    if {"-h", "--help"} & set(words):
        print(f"{module.__doc__}\nFlags:\n{values.get_help()}")
        return SUCCESS
    return module.run(values([verb, *words])[1:])
