//! A small Concourse for one laptop: pipelines, jobs, steps.
