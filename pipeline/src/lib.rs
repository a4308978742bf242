//! From Parquet to scores: ingest, rows, training, evaluation, scoring, churn list.
