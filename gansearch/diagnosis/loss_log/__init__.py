"""Loss logs: files of any training, or a trial's signals, as rows that detectors can judge."""

from gansearch.diagnosis.loss_log.names import READABLE, STEP, parse_map
from gansearch.diagnosis.loss_log.read import LossLog, read_log, read_logs

__all__ = ["READABLE", "STEP", "LossLog", "parse_map", "read_log", "read_logs"]
