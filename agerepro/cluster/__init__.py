"""Steps of a run as jobs of a Slurm cluster: settings of the site, jobs with their dependencies, scripts, submission."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "jobs": ["GridJobs", "Job", "plan_jobs", "script"],
        "settings": ["ClusterSettings", "Resources", "read_cluster"],
        "slurm": ["Submitted", "submit"],
        "submission": ["Submission", "make_submission"],
    },
)
