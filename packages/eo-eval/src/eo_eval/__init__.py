"""What Earth-observation backbones are worth: probes, benchmarks, reports."""

from eo_eval.benchmarks import BENCHMARKS, Benchmark
from eo_eval.evaluate import Evaluation, evaluate, evaluate_datasets
from eo_eval.extract import extract
from eo_eval.features import Features, drop_unlabelled, extract_features
from eo_eval.knn import knn
from eo_eval.linear import linear_probe
from eo_eval.metrics import Estimate
from eo_eval.protocol import PROTOCOLS, Protocol
from eo_eval.report import write_report
from eo_eval.rows import add_rows, read_rows
from eo_eval.score import Score
from eo_eval.setup import Setup
from eo_eval.store import save, save_rows
from eo_eval.subsets import take_fraction
from eo_eval.transfer import Transferred, transfer, transfer_datasets
from eo_eval.transfer_setup import TransferSetup
from eo_eval.transfer_task import Recipe, Transfer
from eo_eval.transfer_tasks import TRANSFERS

__all__ = [
    "BENCHMARKS",
    "PROTOCOLS",
    "TRANSFERS",
    "Benchmark",
    "Estimate",
    "Evaluation",
    "Features",
    "Protocol",
    "Recipe",
    "Score",
    "Setup",
    "Transfer",
    "TransferSetup",
    "Transferred",
    "add_rows",
    "drop_unlabelled",
    "evaluate",
    "evaluate_datasets",
    "extract",
    "extract_features",
    "knn",
    "linear_probe",
    "read_rows",
    "save",
    "save_rows",
    "take_fraction",
    "transfer",
    "transfer_datasets",
    "write_report",
]
