"""All hostile inputs."""

from __future__ import annotations

from hostile import file_cases, formula_cases, graph_cases, yaml_cases

CASES = [*yaml_cases.CASES, *formula_cases.CASES, *graph_cases.CASES, *file_cases.CASES]
