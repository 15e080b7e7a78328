"""Makes run folders that look like real ones, without training anything."""

import json
import pathlib

import cv2
import numpy as np

CELLS = {"stage1": (64, 36, 18), "stage2": (128, 18, 9), "stage3": (256, 9, 5)}
EPOCHS = 12


def write_run_folder(
    directory, num_identities=10, num_images=4, dim=16, seed=0, images=True
):
    """Writes a whole run folder; `num_images` per identity and modality."""
    directory = pathlib.Path(directory)
    (directory / "embeddings").mkdir(parents=True)
    rng = np.random.default_rng(seed)
    write_json(directory / "run.json", run_information(directory, seed))
    (directory / "history.csv").write_text(history())
    write_gates(directory, rng)
    samples = list_samples(num_identities, num_images)
    for row, clarity in (("baseline", 0.7), ("searched", 1.4)):
        arrays = embed(samples, dim, clarity, seed)
        np.savez(directory / f"embeddings/{row}.npz", **arrays)
    write_json(directory / "metrics.json", metrics(num_identities * num_images))
    write_json(directory / "calibration.json", {"directions": calibration()})
    if images:
        write_images(directory / "data", samples)
    return directory


def write_json(file, content):
    file.write_text(json.dumps(content))


def run_information(directory, seed):
    return {
        "command": ["nfs-reid", "train", "--dataset=regdb", f"--seed={seed}"],
        "options": {"backbone": "tiny", "epochs": EPOCHS, "budget": 0.7},
        "seed": seed,
        "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"},
        "dataset": {
            "name": "regdb",
            "root": str(directory / "data"),
            "trial": 1,
            "fingerprint": "2f8a41c09b77",
            "statistics": {"train": {"identities": 206, "images": 4120}},
        },
        "started": "2025-11-20T09:30:00",
        "stages": {
            "baseline": {"seconds": 812.4},
            "search": {"seconds": 1530.0},
            "retrain": {"seconds": 799.2},
        },
    }


def history():
    lines = [
        "stage,epoch,loss,arch_loss,temperature,open_fraction,"
        "gate_entropy,learning_rate"
    ]
    for stage in ("baseline", "search", "retrain"):
        for epoch in range(EPOCHS):
            progress = epoch / (EPOCHS - 1)
            loss = 1.2 + 4.1 * np.exp(-3 * progress)
            loss += 0.05 * np.sin(7 * epoch) + 0.3 * (stage == "search")
            gates = ",,,"
            if stage == "search":
                gates = (
                    f"{loss * 0.6:.4f},{0.5 - 0.4 * progress:.3f},"
                    f"{0.82 - 0.3 * progress**2:.3f},"
                    f"{0.9 - 0.6 * progress:.3f}"
                )
            lines.append(f"{stage},{epoch},{loss:.4f},{gates},0.01")
    return "\n".join(lines) + "\n"


def write_gates(directory, rng):
    """Logits that start at 1.5; pixels in the middle of the image stay open."""
    progress = np.linspace(0, 1, EPOCHS)[:, None, None]
    gates, masks = {"temperature": np.linspace(0.5, 0.1, EPOCHS)}, {}
    for cell, (channels, height, width) in CELLS.items():
        ends = rng.normal(0.7, 2.5, (2, channels))
        ends[1] = 0.6 * ends[0] + 0.6 * ends[1]
        gates[f"{cell}_channel"] = 1.5 + progress * (ends - 1.5)
        ends = np.stack([body(height, width, rng) for _ in range(2)])
        gates[f"{cell}_spatial"] = 1.5 + progress[..., None] * (ends - 1.5)
        for name in (f"{cell}_channel", f"{cell}_spatial"):
            masks[name] = (gates[name][-1] > 0).astype(int).tolist()
    inner = "stage1_block1_inner1_channel"  # has no pixels
    gates[inner] = gates["stage1_channel"]
    masks[inner] = masks["stage1_channel"]
    np.savez(directory / "gates.npz", **gates)
    architecture = {"schema": 2, "gates": masks}
    write_json(directory / "architecture.json", architecture)


def body(height, width, rng):
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    shape = 3 - 5 * (x / 0.8) ** 2 - 2.5 * y**2
    return shape + rng.normal(0, 0.7, (height, width))


def list_samples(num_identities, num_images):
    """Tuples (path, identity, camera, modality), visible first."""
    return [
        (
            f"{folder}/{person}/person_{person:03d}_{image:02d}.png",
            person,
            camera,
            modality,
        )
        for camera, modality, folder in (
            (1, "visible", "Visible"),
            (2, "infrared", "Thermal"),
        )
        for person in range(num_identities)
        for image in range(num_images)
    ]


def embed(samples, dim, clarity, seed):
    """Embeddings around a centre per person, shifted per modality."""
    rng = np.random.default_rng(seed)
    path, identity, camera, modality = map(np.array, zip(*samples, strict=True))
    centers = rng.normal(0, clarity, (identity.max() + 1, dim))
    shift = rng.normal(0, 1.2 / clarity, dim) * (modality == "visible")[:, None]
    noise = rng.normal(0, 0.9, (len(samples), dim))
    embedding = (centers[identity] + shift + noise).astype("float32")
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    return {
        "path": path,
        "identity": identity,
        "camera": camera,
        "modality": modality,
        "embedding": embedding,
    }


def metrics(num_queries):
    rows = []
    for row, (name, rank1, flops, parameters) in enumerate(
        (
            ("baseline", 0.48, 6_812_345_678, 23_521_334),
            ("searched", 0.57, 6_812_345_678, 23_521_334),
            ("compacted", 0.57, 4_118_220_416, 15_902_310),
        )
    ):
        rows.append(
            {
                "name": name,
                "visible_to_infrared": scores(rank1, num_queries),
                "infrared_to_visible": scores(rank1 - 0.03, num_queries),
                "flops": flops,
                "parameters": parameters,
                "images_per_second": 24.153 + 6 * (row == 2),
                "cpu_seconds": 1457.0 + 73.0 * (row > 0),
            }
        )
    return {"rows": rows}


def scores(rank1, num_queries):
    cmc = 1 - (1 - rank1) * np.arange(1, 51) ** -0.55
    shown = {f"rank{k}": 100 * cmc[k - 1] for k in (1, 5, 10, 20)}
    return {
        **shown,
        "mean_ap": 100 * rank1 - 3.123456789,
        "mean_inp": 100 * rank1 - 14.2,
        "num_valid_queries": num_queries,
        "cmc": cmc.tolist(),
    }


def calibration():
    curve = {"fpr": [0.0, 0.1, 1.0], "tpr": [0.0, 0.8, 1.0]}
    return {
        direction: {"threshold": value, "equal_error_rate": 0.13, "roc": curve}
        for direction, value in (
            ("visible_to_infrared", 0.41),
            ("infrared_to_visible", 0.43),
        )
    }


def write_images(root, samples):
    """Writes a person per sample; the identity decides clothes and build."""
    for position, (path, identity, _, modality) in enumerate(samples):
        image = paint_person(identity, position)
        if modality == "infrared":
            warm = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
            image = cv2.merge([255 - warm // 2] * 3)
        file = pathlib.Path(root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)


def paint_person(identity, position):
    look = np.random.default_rng(identity)
    shirt, trousers = look.integers(20, 235, (2, 3)).tolist()
    width = int(look.integers(12, 19))
    pose = np.random.default_rng(10_000 + position)
    x, step = 32 + int(pose.integers(-4, 5)), int(pose.integers(2, 8))
    image = np.full((128, 64, 3), pose.integers(90, 190, 3), np.uint8)
    cv2.rectangle(image, (0, 108), (64, 128), (90, 100, 105), -1)
    for side in (-1, 1):
        foot = (x + side * step, 116)
        cv2.line(image, (x + side * 4, 74), foot, trousers, 8, cv2.LINE_AA)
    cv2.ellipse(image, (x, 54), (width, 26), 0, 0, 360, shirt, -1)
    cv2.circle(image, (x, 21), 9, (140, 165, 205), -1, cv2.LINE_AA)
    noise = pose.normal(0, 6, image.shape)
    return np.uint8(np.clip(image + noise, 0, 255))
