"""Manifest formats by name, one file each."""

from __future__ import annotations

from asrtrain.data.formats.csv_tsv import read_csv, read_tsv, write_csv, write_tsv
from asrtrain.data.formats.folder import read_folder, write_folder
from asrtrain.data.formats.interface import ManifestFormat
from asrtrain.data.formats.jsonl import read_jsonl, write_jsonl
from asrtrain.data.formats.kaldi import read_kaldi, write_kaldi
from asrtrain.data.formats.kaldi_quickly import read_kaldi_quickly
from asrtrain.data.formats.ljspeech import read_ljspeech, write_ljspeech

FORMATS: dict[str, ManifestFormat] = {
    "csv": ManifestFormat(read_csv, write_csv),
    "tsv": ManifestFormat(read_tsv, write_tsv),
    "jsonl": ManifestFormat(read_jsonl, write_jsonl),
    "kaldi": ManifestFormat(read_kaldi, write_kaldi, quickly=read_kaldi_quickly),
    "folder": ManifestFormat(read_folder, write_folder, copies_audio=True),
    "ljspeech": ManifestFormat(read_ljspeech, write_ljspeech, copies_audio=True),
}

__all__ = ["FORMATS", "ManifestFormat"]
