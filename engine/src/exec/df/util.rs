//! Small shared pieces: errors across DataFusion's boundary, streams written as loops, functions over arrays.

use crate::exec::turn::Turn;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{
    ColumnarValue, Expr as DfExpr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::channel::mpsc;
use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, Stream, StreamExt};
use rustydb_base::{DbError, Result, SqlState};
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// DataFusion's result.
pub type DfResult<T> = std::result::Result<T, DataFusionError>;

/// Sends an error of ours through DataFusion.
pub fn to_df(e: DbError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

/// Finds our own error inside DataFusion's, or makes one of DataFusion's: memory is 53200, temporary files are 53400, the rest is
/// internal.
pub fn from_df(e: DataFusionError) -> DbError {
    if is_beyond_temp_limit(&e) {
        return DbError::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, super::spill::BEYOND_LIMIT);
    }
    if is_out_of_memory(&e) {
        return DbError::new(SqlState::OUT_OF_MEMORY, "out of memory").detail(e.to_string());
    }
    match find_ours(&e) {
        Some(ours) => ours,
        None => DbError::internal(format!("query execution failed: {e}")),
    }
}

/// Whether the query ran out of its memory budget (not of a limit that we raised ourselves).
pub fn is_out_of_memory(e: &DataFusionError) -> bool {
    find_ours(e).is_none()
        && matches!(e.find_root(), DataFusionError::ResourcesExhausted(_))
        && !is_beyond_temp_limit(e)
}

/// Whether temporary files have grown beyond `temp_file_limit`: what says so has come through Arrow's I/O errors as text, that of
/// DataFusion's own files naming the option that we set to the limit.
fn is_beyond_temp_limit(e: &DataFusionError) -> bool {
    if find_ours(e).is_some() {
        return false;
    }
    let text = e.to_string();
    text.contains("max_temp_directory_size") || text.contains(super::spill::BEYOND_LIMIT)
}

fn find_ours(e: &DataFusionError) -> Option<DbError> {
    let mut at: Option<&(dyn std::error::Error + 'static)> = Some(e);
    while let Some(x) = at {
        if let Some(ours) = x.downcast_ref::<DbError>() {
            return Some(ours.clone());
        }
        if let Some(DataFusionError::External(inner)) = x.downcast_ref::<DataFusionError>() {
            at = Some(inner.as_ref());
            continue;
        }
        if let Some(shared) = x.downcast_ref::<Arc<DataFusionError>>() {
            at = Some(shared.as_ref());
            continue;
        }
        at = x.source();
    }
    None
}

/// Where a loop leaves its batches.
pub struct Out {
    tx: mpsc::Sender<RecordBatch>,
    turn: Turn,
}

impl Out {
    /// Hands a batch over; waits until the reader has taken the one before. An error means nobody reads any more.
    pub async fn send(&mut self, b: RecordBatch) -> DfResult<()> {
        if b.num_rows() == 0 {
            return Ok(());
        }
        self.turn.check().await;
        self.tx.send(b).await.map_err(|_| DataFusionError::Execution("the reader is gone".into()))
    }
}

struct Loop {
    work: Option<BoxFuture<'static, DfResult<()>>>,
    rx: mpsc::Receiver<RecordBatch>,
}

impl Stream for Loop {
    type Item = DfResult<RecordBatch>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // The channel first: the work may only go on when its batch has been taken.
            if let Poll::Ready(Some(b)) = self.rx.poll_next_unpin(cx) {
                return Poll::Ready(Some(Ok(b)));
            }
            let Some(work) = &mut self.work else { return Poll::Ready(None) };
            match work.poll_unpin(cx) {
                Poll::Ready(Err(e)) => {
                    self.work = None;
                    return Poll::Ready(Some(Err(e)));
                }
                Poll::Ready(Ok(())) => self.work = None,
                Poll::Pending => {
                    return match self.rx.poll_next_unpin(cx) {
                        Poll::Ready(Some(b)) => Poll::Ready(Some(Ok(b))),
                        _ => Poll::Pending,
                    };
                }
            }
        }
    }
}

/// A stream whose batches an async loop produces; the loop runs only while the stream is polled.
pub fn produce<F, Fut>(schema: SchemaRef, f: F) -> SendableRecordBatchStream
where
    F: FnOnce(Out) -> Fut,
    Fut: Future<Output = DfResult<()>> + Send + 'static,
{
    let (tx, rx) = mpsc::channel(0);
    let work = Some(f(Out { tx, turn: Turn::begin() }).boxed());
    Box::pin(RecordBatchStreamAdapter::new(schema, Loop { work, rx }))
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number no other node or function of this process has.
pub fn fresh_id() -> u64 {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

/// Computes an array from arrays of equal length (`rows`).
pub type ArrayFn = Arc<dyn Fn(&[ArrayRef], usize) -> Result<ArrayRef> + Send + Sync>;

/// A scalar function of ours as DataFusion sees it. Two are equal only if they are the same object: their meaning is in
/// a closure.
pub struct ArrayUdf {
    id: u64,
    name: String,
    signature: Signature,
    ret: DataType,
    /// Called without arguments, one row stands for all.
    f: ArrayFn,
}

impl std::fmt::Debug for ArrayUdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.name, self.id)
    }
}

impl PartialEq for ArrayUdf {
    fn eq(&self, o: &Self) -> bool {
        self.id == o.id
    }
}
impl Eq for ArrayUdf {}
impl Hash for ArrayUdf {
    fn hash<H: Hasher>(&self, h: &mut H) {
        self.id.hash(h);
    }
}

impl ScalarUDFImpl for ArrayUdf {
    fn name(&self) -> &str {
        &self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.ret.clone())
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let rows = args.number_rows;
        // Constant arguments and a repeatable function: one row is enough.
        let constant = self.signature.volatility != Volatility::Volatile
            && args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let n = if constant { 1 } else { rows };
        let arrays = args.args.into_iter().map(|a| a.into_array(n)).collect::<DfResult<Vec<_>>>()?;
        let out = (self.f)(&arrays, n).map_err(to_df)?;
        if constant {
            return datafusion::common::ScalarValue::try_from_array(&out, 0).map(ColumnarValue::Scalar);
        }
        Ok(ColumnarValue::Array(out))
    }
}

/// Calls a closure as a scalar function. `shown` is its name in plans; a volatile one is evaluated for every row.
pub fn call(shown: &str, ret: DataType, volatile: bool, args: Vec<DfExpr>, f: ArrayFn) -> DfExpr {
    let volatility = if volatile { Volatility::Volatile } else { Volatility::Immutable };
    let id = fresh_id();
    let udf = ArrayUdf {
        id,
        name: format!("{shown}#{id}"),
        // DataFusion's "any arguments" means one at least.
        signature: Signature::one_of(vec![TypeSignature::VariadicAny, TypeSignature::Nullary], volatility),
        ret,
        f,
    };
    ScalarUDF::new_from_impl(udf).call(args)
}
