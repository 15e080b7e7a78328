"""The command `nfs-reid`: one verb, then its flags."""

import importlib
import sys

from nfs_keras import __version__
from nfs_keras.cli.program import (
    MISUNDERSTOOD,
    SUCCESS,
    end,
    ended_by_ctrl_c,
    exit_status,
    prepare_tensorflow,
)

RESUMES = "Run the same command again: it resumes at the last finished epoch."
SKIPS = "Run the same command again: it skips what is finished."
RESTARTS = "Run the same command again: it starts over."

# Each verb's description, and the advice to print after Ctrl-C.
VERBS = {
    "synthesize": (
        "make a synthetic dataset, laid out as a benchmark",
        RESTARTS,
    ),
    "check": ("check a dataset before anything is trained on it", RESTARTS),
    "train": ("search, train, compact, evaluate, export, report", RESUMES),
    "search": ("only the search: which features are worth keeping", RESUMES),
    "retrain": ("train with an architecture that was found before", RESUMES),
    "evaluate": ("score a network on a dataset's protocol", RESTARTS),
    "export": ("write a network as a SavedModel", RESTARTS),
    "embed": ("embed a folder of images, here or by a server", SKIPS),
    "index": ("add embeddings to a gallery", SKIPS),
    "query": ("find a person in a gallery", RESTARTS),
    "import-weights": ("convert PyTorch weights", RESTARTS),
    "summary": ("print a summary of a run", RESTARTS),
    "report": ("write the page of one run, or compare several", RESTARTS),
}
USAGE = """\
nfs-reid VERB [FLAGS]: feature search for RGB-infrared person re-identification

{verbs}

nfs-reid VERB --help explains its flags. --debug shows the traceback of an
error. Start with:

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
    if verb in ("version", "--version"):
        print(f"nfs_keras {__version__}")
        return SUCCESS
    if verb not in VERBS:
        return end(f"nfs-reid: no verb {verb!r}.\n\n{usage()}", MISUNDERSTOOD)
    return exit_status(
        lambda: run_verb(verb, rest),
        f"nfs-reid {verb}",
        "--debug" in rest,
        VERBS[verb][1],
    )


def usage():
    """Returns the text that lists the verbs."""
    lines = [f"  {verb:<16}{what}" for verb, (what, _) in VERBS.items()]
    return USAGE.format(verbs="\n".join(lines))


def run_verb(verb, words):
    """Parses a verb's flags and runs it, or prints its help."""
    from absl import flags

    with ended_by_ctrl_c():
        prepare_tensorflow()
        name = verb.replace("-", "_")
        module = importlib.import_module(f"nfs_keras.cli.{name}")
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


if __name__ == "__main__":
    sys.exit(main())
