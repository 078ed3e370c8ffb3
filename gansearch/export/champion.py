"""The champion's bundle, which stands in the run folder as long as there is a champion."""

from __future__ import annotations

import json
import logging
import shutil

from gansearch.export.manifest import CERTIFICATE, Manifest
from gansearch.export.trial_choice import summary_of
from gansearch.ranking.study_summary import RunSummary
from gansearch.storage.run_folder import RunFolder

logger = logging.getLogger(__name__)


def keep_champion(folder: RunFolder) -> None:
    """Export the champion into the run folder, unless its bundle stands there already.

    The bundle of a former champion moves to `exports/`. Whatever fails is logged as a warning: the
    search and its certification have been stored before.
    """
    try:
        run = summary_of(folder)
        standing = Manifest.read(folder.champion) if folder.champion.is_dir() else None
        champion = run.summary.champion
        if standing is not None:
            if _is_current(folder, standing, run):
                return
            # It moves to the others, unless one of its trial is there.
            place = folder.bundle(standing.trial)
            if place.exists():
                shutil.rmtree(folder.champion)
            else:
                place.parent.mkdir(exist_ok=True)
                folder.champion.rename(place)
        if champion is not None:
            # Imported here, since it loads torch, which a run without a champion does not need.
            from gansearch.export.writer import export_trial

            made = export_trial(folder, champion, run, folder.champion)
            missing = "; ".join(f"without {name}: {why}" for name, why in made.left_out.items())
            logger.info(
                "exported trial %d, the champion, to %s%s",
                champion.number,
                folder.champion,
                f" ({missing})" if missing else "",
            )
    except Exception as error:  # of a plugin, torch's exporter, the disk: none may end the search
        logger.warning(
            "the champion was not exported (%s: %s); try gansearch export %s",
            type(error).__name__,
            error,
            folder.path,
        )


def _is_current(folder: RunFolder, standing: Manifest, run: RunSummary) -> bool:
    """Return True for a bundle of today's champion with today's certificate."""
    champion = run.summary.champion
    if champion is None or (champion.number, champion.identity) != (
        standing.trial,
        standing.identity,
    ):
        return False
    kept = json.loads(standing.read_file(folder.champion, CERTIFICATE))
    return bool(kept == json.loads(json.dumps(run.summary.certificates[champion.number].to_json())))
