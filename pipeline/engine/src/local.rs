//! The engine on one machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, Partitioning, SendableRecordBatchStream};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::runtime::Runtime;

use crate::memory::{pool_bytes, sorters};
use crate::order::{EVENT_ORDER, customer, ordering};
use crate::{CallerError, Engine, EngineError, Fold, FoldExec, Part, Sink};

/// DataFusion in this process, with a memory pool and a folder to spill to.
pub struct LocalEngine {
    runtime: Runtime,
    context: Arc<TaskContext>,
    threads: usize,
    sorters: usize,
}

impl LocalEngine {
    /// An engine that takes about `memory_bytes`, runs on `threads` threads and spills to `spill_dir`.
    ///
    /// # Errors
    /// - the spill folder cannot be used;
    /// - threads cannot be started.
    pub fn new(memory_bytes: u64, threads: usize, spill_dir: &Path) -> std::result::Result<Self, EngineError> {
        let operation = "start the engine";
        let threads = threads.max(1);
        let spill = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill_dir.to_owned()]));
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(pool_bytes(memory_bytes))))
            .with_disk_manager_builder(spill)
            .build_arc()
            .map_err(|source| failed(operation, source))?;
        let mut config = SessionConfig::new()
            .with_target_partitions(threads)
            .with_batch_size(8_192);
        config.options_mut().execution.sort_spill_reservation_bytes = (pool_bytes(memory_bytes) / 8).min(10 << 20);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .map_err(|source| EngineError::Operation {
                operation,
                source: Box::new(source),
            })?;
        let context = SessionContext::new_with_config_rt(config, environment).task_ctx();
        Ok(Self {
            runtime,
            context,
            threads,
            sorters: sorters(memory_bytes, threads),
        })
    }

    fn sorted(&self, schema: SchemaRef, parts: Vec<Arc<dyn Part>>, by: &[&str]) -> Result<SendableRecordBatchStream> {
        let n_streams = self.sorters.min(parts.len()).max(1);
        let mut shares: Vec<Vec<Arc<dyn Part>>> = vec![Vec::new(); n_streams];
        for (at, part) in parts.into_iter().enumerate() {
            shares[at % n_streams].push(part);
        }
        let stream = |parts| {
            Arc::new(PartStream {
                schema: Arc::clone(&schema),
                parts,
            }) as Arc<dyn PartitionStream>
        };
        let streams = shares.into_iter().map(stream).collect();
        let input = StreamingTableExec::try_new(Arc::clone(&schema), streams, None, [], false, None)?;
        let order = ordering(&schema, by)?;
        let sort = SortExec::new(order.clone(), Arc::new(input)).with_preserve_partitioning(true);
        SortPreservingMergeExec::new(order, Arc::new(sort)).execute(0, Arc::clone(&self.context))
    }
}

impl Engine for LocalEngine {
    fn sort(
        &self,
        schema: SchemaRef,
        parts: Vec<Arc<dyn Part>>,
        by: &[&str],
        sink: Sink<'_>,
    ) -> std::result::Result<(), EngineError> {
        let operation = "sort events";
        self.runtime.block_on(async {
            let mut batches = self
                .sorted(schema, parts, by)
                .map_err(|error| failed(operation, error))?;
            while let Some(batch) = batches.next().await {
                sink(batch.map_err(|error| failed(operation, error))?).map_err(EngineError::Caller)?;
            }
            Ok(())
        })
    }

    fn fold(&self, buckets: &[PathBuf], fold: Arc<dyn Fold>, sink: Sink<'_>) -> std::result::Result<(), EngineError> {
        let operation = "fold journeys";
        if buckets.is_empty() {
            return Ok(());
        }
        let input = scan(buckets).map_err(|error| failed(operation, error))?;
        let plan = Arc::new(FoldExec::try_new(input, fold).map_err(|error| failed(operation, error))?);
        let n_partitions = plan.properties().partitioning.partition_count();
        self.runtime.block_on(async {
            let run = |partition| {
                let (plan, context) = (Arc::clone(&plan), Arc::clone(&self.context));
                let collected = tokio::spawn(async move {
                    plan.execute(partition, context)?
                        .try_collect::<Vec<RecordBatch>>()
                        .await
                });
                async move {
                    collected
                        .await
                        .map_err(|error| DataFusionError::External(Box::new(error)))?
                }
            };
            // Results come in bucket order, however the buckets finish.
            let mut results = stream::iter(0..n_partitions).map(run).buffered(self.threads);
            while let Some(rows) = results.next().await {
                for batch in rows.map_err(|error| failed(operation, error))? {
                    sink(batch).map_err(EngineError::Caller)?;
                }
            }
            Ok(())
        })
    }
}

/// The bucket files as one partition each, customers together and in order.
fn scan(buckets: &[PathBuf]) -> Result<Arc<dyn ExecutionPlan>> {
    let open = |path: &PathBuf| {
        let file = std::fs::File::open(path).map_err(DataFusionError::IoError)?;
        let bytes = file.metadata().map_err(DataFusionError::IoError)?.len();
        Ok::<_, DataFusionError>((file, bytes))
    };
    let (first, _) = open(&buckets[0])?;
    let schema = Arc::clone(ParquetRecordBatchReaderBuilder::try_new(first)?.schema());
    let mut groups = Vec::with_capacity(buckets.len());
    for path in buckets {
        let (_, bytes) = open(path)?;
        let path = std::path::absolute(path).map_err(DataFusionError::IoError)?;
        groups.push(FileGroup::new(vec![PartitionedFile::new(
            path.to_string_lossy().into_owned(),
            bytes,
        )]));
    }
    let n_buckets = groups.len();
    let config = FileScanConfigBuilder::new(
        ObjectStoreUrl::local_filesystem(),
        Arc::new(ParquetSource::new(Arc::clone(&schema))),
    )
    .with_file_groups(groups)
    .with_output_ordering(vec![ordering(&schema, &EVENT_ORDER)?])
    .with_output_partitioning(Some(Partitioning::Hash(vec![customer(&schema)?], n_buckets)))
    .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// Parts read one after another, on a thread that may block.
struct PartStream {
    schema: SchemaRef,
    parts: Vec<Arc<dyn Part>>,
}

impl fmt::Debug for PartStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartStream of {} parts", self.parts.len())
    }
}

impl PartitionStream for PartStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 2);
        let (parts, to) = (self.parts.clone(), builder.tx());
        builder.spawn_blocking(move || {
            for part in parts {
                for batch in part.open().map_err(DataFusionError::External)? {
                    let is_gone = to.blocking_send(batch.map_err(DataFusionError::External)).is_err();
                    if is_gone {
                        return Ok(());
                    }
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// The caller's own error where there is one below, else the engine's.
fn failed(operation: &'static str, error: DataFusionError) -> EngineError {
    match error {
        DataFusionError::External(source) => EngineError::Caller(source),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => failed(operation, *inner),
        DataFusionError::Shared(shared) => match Arc::try_unwrap(shared) {
            Ok(inner) => failed(operation, inner),
            Err(shared) => EngineError::Operation {
                operation,
                source: CallerError::from(shared.to_string()),
            },
        },
        error => EngineError::Operation {
            operation,
            source: Box::new(error),
        },
    }
}
