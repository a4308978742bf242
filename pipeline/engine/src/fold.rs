//! The operator that folds ordered events into rows.
//!
//! Not an aggregate: an ordered fold cannot be split in a partial and a final half, and an aggregate would buffer every event.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, Partitioning,
    PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;
use futures::stream;

use crate::order::{EVENT_ORDER, customer, ordering};
use crate::{BucketFold, Fold};

/// Folds each input partition on its own; wants every customer in one partition, in [`EVENT_ORDER`].
pub struct FoldExec {
    input: Arc<dyn ExecutionPlan>,
    fold: Arc<dyn Fold>,
    properties: Arc<PlanProperties>,
}

impl FoldExec {
    /// The fold over this input.
    ///
    /// # Errors
    /// - the input is not in [`EVENT_ORDER`]: folding it would be wrong, not slow.
    pub fn try_new(input: Arc<dyn ExecutionPlan>, fold: Arc<dyn Fold>) -> Result<Self> {
        let wanted = ordering(&input.schema(), &EVENT_ORDER)?;
        if !input.equivalence_properties().ordering_satisfy(wanted)? {
            return Err(DataFusionError::Plan(format!(
                "a fold wants its input ordered by {EVENT_ORDER:?}"
            )));
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(fold.schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            input,
            fold,
            properties: Arc::new(properties),
        })
    }
}

impl fmt::Debug for FoldExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldExec")
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for FoldExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FoldExec")
    }
}

impl ExecutionPlan for FoldExec {
    fn name(&self) -> &'static str {
        "FoldExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let customer = customer(&self.input.schema()).expect("the constructor found the column");
        InputDistributionRequirements::new(vec![Distribution::KeyPartitioned(vec![customer])])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![
            ordering(&self.input.schema(), &EVENT_ORDER)
                .ok()
                .map(OrderingRequirements::from),
        ]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self::try_new(input, Arc::clone(&self.fold))?)),
            _ => Err(DataFusionError::Internal("a fold has one input".to_owned())),
        }
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let recompute = datafusion::physical_plan::execution_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let work = Work::Reading {
            input: self.input.execute(partition, context)?,
            fold: self.fold.start(),
        };
        let rows = stream::try_unfold(work, next_rows);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.fold.schema(), rows)))
    }
}

enum Work {
    Reading {
        input: SendableRecordBatchStream,
        fold: Box<dyn BucketFold>,
    },
    Over,
}

async fn next_rows(work: Work) -> Result<Option<(RecordBatch, Work)>> {
    let Work::Reading { mut input, mut fold } = work else {
        return Ok(None);
    };
    while let Some(events) = input.next().await {
        if let Some(rows) = fold.push(&events?).map_err(DataFusionError::External)? {
            return Ok(Some((rows, Work::Reading { input, fold })));
        }
    }
    let rest = fold.finish().map_err(DataFusionError::External)?;
    Ok(rest.map(|rows| (rows, Work::Over)))
}
