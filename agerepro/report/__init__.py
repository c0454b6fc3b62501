"""Finished runs as tables beside the paper's, figures for print, and one HTML page."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures", "page"],
    submod_attrs={
        "explanation": ["explain_runs"],
        "grid": ["write_grid"],
        "loading": ["LoadedRun", "load_run", "within"],
        "page.write": ["write_page"],
        "results": ["caption_of", "compare_results", "score_run", "write_results"],
        "run_figures": ["plot_run"],
        "run_result": ["RunResult", "disambiguate"],
        "sections": ["extra_tables"],
        "sweep": ["sweep_table", "write_sweep"],
        "tables": ["PrintedTable", "render"],
        "write": ["write_figures", "write_report"],
    },
)
