//! Executing a pipeline.
