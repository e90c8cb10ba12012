//! The machine that runs a program: each operator is asked for its next row and answers a row, the end, or that it must
//! wait. After a wait it is asked again from the root; every operator's state leads back to where it was.

use super::fetch::{LockCx, ScanCx};
use super::plan::*;
use super::scratch::{MEMORY, Outcome, Phase, PointScratch, SortRow, State};
use super::{Flow, PointPlan, RowSink, out_of_memory};
use crate::exec::eval::{Compiled, Env};
use crate::exec::index_terms::Lookup;
use crate::exec::nearest::{Waiting, asked};
use crate::exec::tables::number_rid;
use crate::exec::ties;
use crate::plan::ir::JoinKind;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::LockWait;
use rustydb_storage::am::{Cursor, Direction, Edge, Gather};
use rustydb_storage::buf::Access;
use rustydb_storage::gist::Nearest;
use rustydb_storage::txn::Snapshot;
use rustydb_storage::wait::{Op, Wait};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::gist::Question;
use rustydb_types::{cmp, keyenc, oid};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::sync::Arc;

/// What an operator answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Row,
    End,
    /// This operator's storage operation must wait.
    Stall(NodeId),
    TooBig,
}

/// Why the machine stopped.
pub(super) enum Stop {
    Done,
    Paused,
    TooBig,
    Stalled(NodeId),
}

pub(super) struct Machine<'a> {
    plan: &'a PointPlan,
    pub(super) s: &'a mut PointScratch,
    tx: &'a mut Transaction,
    snap: &'a Snapshot,
    pub(super) env: Env<'a>,
}

/// A constant in a key column's type.
enum Converted {
    Exact(Datum),
    /// Smaller or larger than every value of the type.
    Below,
    Above,
    /// Between two values of the type.
    Never,
}

fn convert(to: TypeRef, d: Datum) -> Converted {
    let int = |v: i64, min: i64, max: i64, make: &dyn Fn(i64) -> Datum| match v {
        v if v < min => Converted::Below,
        v if v > max => Converted::Above,
        v => Converted::Exact(make(v)),
    };
    let number = match d {
        Datum::Int2(v) => i64::from(v),
        Datum::Int4(v) => i64::from(v),
        Datum::Int8(v) => v,
        Datum::Float4(v) if to.oid == oid::FLOAT8 => return Converted::Exact(Datum::Float8(f64::from(v))),
        Datum::Float8(v) if to.oid == oid::FLOAT4 => {
            let narrow = v as f32;
            let same = f64::from(narrow) == v || v.is_nan();
            return if same { Converted::Exact(Datum::Float4(narrow)) } else { Converted::Never };
        }
        d => return Converted::Exact(d),
    };
    match to.oid {
        oid::INT2 => int(number, i16::MIN.into(), i16::MAX.into(), &|v| Datum::Int2(v as i16)),
        oid::INT4 => int(number, i32::MIN.into(), i32::MAX.into(), &|v| Datum::Int4(v as i32)),
        oid::INT8 => Converted::Exact(Datum::Int8(number)),
        _ => Converted::Exact(d),
    }
}

fn put_key(o: &KeyOrder, d: &Datum, out: &mut Vec<u8>) -> Result<()> {
    keyenc::encode_key(o.ty, d, o.desc, o.nulls_first, out)
}

fn all_true(preds: &[Compiled], env: Env<'_>, row: &[Datum]) -> Result<bool> {
    for p in preds {
        if !p.test(env, row)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        plan: &'a PointPlan,
        s: &'a mut PointScratch,
        tx: &'a mut Transaction,
        snap: &'a Snapshot,
        env: Env<'a>,
    ) -> Result<Machine<'a>> {
        if s.plan != plan.id {
            return Err(DbError::internal("point program run with another one's scratch"));
        }
        Ok(Machine { plan, s, tx, snap, env })
    }

    /// Runs until something stops it.
    pub(super) fn advance(&mut self, out: &mut RowSink<'_>) -> Result<Stop> {
        let plan = self.plan;
        loop {
            match self.next(plan.program.root)? {
                Step::Row => {}
                Step::End => {
                    self.count();
                    self.s.finish();
                    return Ok(Stop::Done);
                }
                Step::Stall(n) => return Ok(Stop::Stalled(n)),
                Step::TooBig if self.s.emitted == 0 => {
                    self.s.finish();
                    return Ok(Stop::TooBig);
                }
                Step::TooBig => return Err(out_of_memory()),
            }
            self.s.emitted += 1;
            let outputs = &plan.program.outputs;
            let s = &mut *self.s;
            let flow = match plan.first {
                Some(at) => out(&s.row[at..at + outputs.len()])?,
                None => {
                    s.out.clear();
                    s.out.extend(outputs.iter().map(|o| s.row[*o].clone()));
                    out(&s.out)?
                }
            };
            if flow == Flow::Pause {
                return Ok(Stop::Paused);
            }
        }
    }

    /// Counts what the scans have met.
    pub(super) fn count(&mut self) {
        let Some(tally) = &self.tx.tally else { return };
        tally.counting(|pending| {
            for (node, st) in self.plan.program.nodes.iter().zip(&mut self.s.states) {
                let Node::Scan(node) = node else { continue };
                let met = std::mem::take(&mut st.met);
                if met.scans > 0 || met.rows > 0 {
                    let (index, gathered) = node.index();
                    pending.looked(node.table.rel.oid, index, gathered, &met);
                }
            }
        });
    }

    /// Waits for what an operator's storage operation lacks, until that is done.
    pub(super) async fn wait(&mut self, n: NodeId) -> Result<()> {
        let plan = self.plan;
        match &plan.program.nodes[n] {
            Node::Scan(node) => {
                let (s, snap, env) = (&mut *self.s, self.snap, self.env);
                s.states[n].met.reads += 1;
                self.tx.txn.drive(|core, cx| scan_cx(node, n, s, snap, env).step(core, cx)).await
            }
            Node::Lock { locks, .. } => {
                let (manager, owner) = (Arc::clone(self.tx.txn.store().locks()), Arc::clone(self.tx.txn.lock_owner()));
                let (s, snap, env) = (&mut *self.s, self.snap, self.env);
                let outcome = self
                    .tx
                    .txn
                    .drive(|core, cx| match lock_op(plan, n, locks, s, snap, env) {
                        Some((lock, mut scan)) => lock.step(&mut scan, &manager, &owner, core, cx),
                        None => Ok(Outcome::Locked),
                    })
                    .await?;
                self.s.states[n].outcome = outcome;
                self.s.states[n].phase = Phase::Found;
                Ok(())
            }
            _ => Err(DbError::internal("an operator without storage operations cannot wait")),
        }
    }

    /// Back to the beginning, for another left row of a join.
    pub(super) fn reopen(&mut self, n: NodeId) {
        self.s.states[n].phase = Phase::Start;
        let plan = self.plan;
        match &plan.program.nodes[n] {
            // Branches and subqueries begin anew when their turn comes.
            Node::Values { .. } | Node::Scan(_) | Node::Append { .. } => {}
            Node::Project { input, .. }
            | Node::Filter { input, .. }
            | Node::Limit { input, .. }
            | Node::Sort { input, .. }
            | Node::Distinct { input, .. }
            | Node::Aggregate { input, .. }
            | Node::Subqueries { input, .. }
            | Node::Lock { input, .. } => self.reopen(*input),
            Node::Join { left, right, .. } => {
                self.reopen(*left);
                self.reopen(*right);
            }
        }
    }

    pub(super) fn state(&mut self, n: NodeId) -> &mut State {
        &mut self.s.states[n]
    }

    pub(super) fn next(&mut self, n: NodeId) -> Result<Step> {
        let plan = self.plan;
        match &plan.program.nodes[n] {
            Node::Scan(node) => self.scan(n, node),
            Node::Project { input, exprs } => {
                let step = self.next(*input)?;
                if step == Step::Row {
                    self.compute(exprs)?;
                }
                Ok(step)
            }
            Node::Filter { input, preds } => loop {
                let step = self.next(*input)?;
                if step != Step::Row || all_true(preds, self.env, &self.s.row)? {
                    return Ok(step);
                }
            },
            Node::Values { rows, slots } => {
                let st = self.state(n);
                if st.phase == Phase::Start {
                    (st.phase, st.at) = (Phase::Ready, 0);
                }
                let Some(row) = rows.get(st.at) else { return Ok(Step::End) };
                st.at += 1;
                for (slot, e) in slots.iter().zip(row) {
                    let d = e.eval(self.env, &self.s.row)?;
                    self.s.row[*slot] = d;
                }
                Ok(Step::Row)
            }
            Node::Append { branches, prune } => self.append(n, branches, prune.as_ref()),
            Node::Join { kind, left, right, nulls } => self.join(n, *kind, *left, *right, nulls),
            Node::Limit { input, limit, offset } => self.limit(n, *input, limit, offset),
            Node::Sort { input, keys, carry } => self.sort(n, *input, keys, carry),
            Node::Distinct { input, key } => self.distinct(n, *input, key),
            Node::Aggregate { input, groups, aggs } => self.aggregate(n, *input, groups, aggs),
            Node::Subqueries { input, subs } => self.subqueries(n, *input, subs),
            Node::Lock { input, locks, recheck } => self.lock(n, *input, locks, recheck),
        }
    }

    fn compute(&mut self, exprs: &[(Slot, Compiled)]) -> Result<()> {
        for (slot, e) in exprs {
            let d = e.eval(self.env, &self.s.row)?;
            self.s.row[*slot] = d;
        }
        Ok(())
    }

    fn append(&mut self, n: NodeId, branches: &[AppendBranch], prune: Option<&PruneNode>) -> Result<Step> {
        if self.state(n).phase == Phase::Start {
            let mut chosen = std::mem::take(&mut self.state(n).chosen);
            chosen.clear();
            chosen.resize(branches.len(), prune.is_none());
            if let Some(p) = prune {
                self.choose(p, &mut chosen)?;
            }
            let st = self.state(n);
            (st.phase, st.at, st.matched, st.chosen) = (Phase::Ready, 0, false, chosen);
        }
        loop {
            let st = self.state(n);
            let Some(b) = branches.get(st.at) else { return Ok(Step::End) };
            if !st.chosen.get(st.at).copied().unwrap_or(false) {
                st.at += 1;
                continue;
            }
            // `matched`: this branch has begun.
            if !st.matched {
                st.matched = true;
                self.reopen(b.input);
            }
            match self.next(b.input)? {
                Step::Row => {
                    for (from, to) in &b.moves {
                        self.s.row[*to] = self.s.row[*from].clone();
                    }
                    return Ok(Step::Row);
                }
                Step::End => {
                    let st = self.state(n);
                    st.at += 1;
                    st.matched = false;
                }
                stop => return Ok(stop),
            }
        }
    }

    /// Marks the branches that the tests leave.
    fn choose(&mut self, p: &PruneNode, chosen: &mut [bool]) -> Result<()> {
        let mut values = Vec::with_capacity(p.values.len());
        for v in &p.values {
            values.push(v.eval(self.env, &self.s.row)?);
        }
        for (child, wanted) in p.children.iter().zip(p.desc.select(&p.tests, &values)?) {
            match child {
                PruneStep::Branch(i) => {
                    if let Some(c) = chosen.get_mut(*i) {
                        *c = wanted;
                    }
                }
                PruneStep::Node(inner) if wanted => self.choose(inner, chosen)?,
                PruneStep::Node(_) => {}
            }
        }
        Ok(())
    }

    fn join(&mut self, n: NodeId, kind: JoinKind, left: NodeId, right: NodeId, nulls: &[Slot]) -> Result<Step> {
        loop {
            if self.state(n).phase == Phase::Start {
                let step = self.next(left)?;
                if step != Step::Row {
                    return Ok(step);
                }
                self.reopen(right);
                let st = self.state(n);
                (st.phase, st.matched) = (Phase::Ready, false);
            }
            match self.next(right)? {
                Step::Row => match kind {
                    JoinKind::Semi => {
                        self.state(n).phase = Phase::Start;
                        return Ok(Step::Row);
                    }
                    JoinKind::Anti => self.state(n).phase = Phase::Start,
                    _ => {
                        self.state(n).matched = true;
                        return Ok(Step::Row);
                    }
                },
                Step::End => {
                    let st = self.state(n);
                    st.phase = Phase::Start;
                    match kind {
                        JoinKind::Left if !st.matched => {
                            for slot in nulls {
                                self.s.row[*slot] = Datum::Null;
                            }
                            return Ok(Step::Row);
                        }
                        JoinKind::Anti => return Ok(Step::Row),
                        _ => {}
                    }
                }
                stop => return Ok(stop),
            }
        }
    }

    fn limit(&mut self, n: NodeId, input: NodeId, limit: &Option<Compiled>, offset: &Option<Compiled>) -> Result<Step> {
        if self.state(n).phase == Phase::Start {
            let number = |e: &Option<Compiled>, row: &[Datum], env| -> Result<Option<i64>> {
                Ok(match e.as_ref().map(|e| e.eval(env, row)).transpose()? {
                    Some(Datum::Int8(v)) => Some(v),
                    _ => None,
                })
            };
            let skip = number(offset, &self.s.row, self.env)?.unwrap_or(0);
            if skip < 0 {
                return Err(DbError::new(
                    SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE,
                    "OFFSET must not be negative",
                ));
            }
            let left = number(limit, &self.s.row, self.env)?;
            if left.is_some_and(|l| l < 0) {
                return Err(DbError::new(SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE, "LIMIT must not be negative"));
            }
            let st = self.state(n);
            (st.phase, st.skip, st.left) = (Phase::Ready, skip, left);
            if matches!(self.plan.program.nodes.get(input), Some(Node::Sort { .. })) {
                // Which of equal rows come first follows from how many are asked for.
                self.state(input).left = left.map(|l| l.saturating_add(skip));
            }
        }
        loop {
            if self.state(n).left == Some(0) {
                return Ok(Step::End);
            }
            let step = self.next(input)?;
            if step != Step::Row {
                return Ok(step);
            }
            let st = self.state(n);
            if st.skip > 0 {
                st.skip -= 1;
                continue;
            }
            st.left = st.left.map(|l| l - 1);
            return Ok(Step::Row);
        }
    }

    /// Notes that bytes are held; `true` when they are too many.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        self.s.memory += bytes;
        self.s.memory > MEMORY
    }

    fn sort(&mut self, n: NodeId, input: NodeId, keys: &[OrderKey], carry: &[Slot]) -> Result<Step> {
        if self.state(n).phase == Phase::Start {
            let st = self.state(n);
            st.rows.clear();
            st.phase = Phase::Ready;
        }
        while self.state(n).phase == Phase::Ready {
            match self.next(input)? {
                Step::Row => {}
                Step::End => {
                    let st = self.state(n);
                    let by_keys = &mut |a: &SortRow, b: &SortRow| order(keys, &a.keys, &b.keys);
                    match st.left.and_then(|n| usize::try_from(n).ok()) {
                        Some(n) => ties::top(&mut st.rows, n, by_keys),
                        None => ties::sort(&mut st.rows, by_keys),
                    }
                    (st.phase, st.at) = (Phase::Found, 0);
                    break;
                }
                stop => return Ok(stop),
            }
            let mut k = SmallVec::new();
            for key in keys {
                k.push(key.expr.eval(self.env, &self.s.row)?);
            }
            let values: Box<[Datum]> = carry.iter().map(|c| self.s.row[*c].clone()).collect();
            let bytes =
                k.iter().chain(values.iter()).map(crate::exec::datum_size).sum::<usize>() + size_of::<SortRow>();
            if self.hold(bytes) {
                return Ok(Step::TooBig);
            }
            self.state(n).rows.push(SortRow { keys: k, values });
        }
        let st = &mut self.s.states[n];
        let Some(r) = st.rows.get_mut(st.at) else { return Ok(Step::End) };
        st.at += 1;
        for (slot, v) in carry.iter().zip(r.values.iter_mut()) {
            self.s.row[*slot] = std::mem::take(v);
        }
        Ok(Step::Row)
    }

    fn distinct(&mut self, n: NodeId, input: NodeId, key: &[(Slot, TypeRef)]) -> Result<Step> {
        let st = self.state(n);
        if st.phase == Phase::Start {
            st.seen.clear();
            st.phase = Phase::Ready;
        }
        loop {
            let step = self.next(input)?;
            if step != Step::Row {
                return Ok(step);
            }
            let mut bytes = Vec::with_capacity(32);
            for (slot, ty) in key {
                keyenc::encode_key(*ty, &self.s.row[*slot], false, false, &mut bytes)?;
            }
            let len = bytes.len() + 48;
            if self.state(n).seen.insert(bytes.into()) {
                return Ok(if self.hold(len) { Step::TooBig } else { Step::Row });
            }
        }
    }

    // ---- scans ---------------------------------------------------------------------------------------------------

    fn scan(&mut self, n: NodeId, node: &ScanNode) -> Result<Step> {
        let pinned = self.s.pinned.is_some_and(|p| p.0 == n);
        loop {
            match self.s.states[n].phase {
                Phase::Start => {
                    let ready = pinned || self.begin(n, node)?;
                    let st = self.state(n);
                    (st.looked, st.decoding, st.overflow) = (false, None, None);
                    st.phase = if ready { Phase::Ready } else { Phase::End };
                }
                Phase::Ready => {
                    let (s, snap, env) = (&mut *self.s, self.snap, self.env);
                    let done = self.tx.txn.try_now(|core, cx| scan_cx(node, n, s, snap, env).step(core, cx));
                    match done {
                        Ok(()) => {}
                        Err(Wait::Fail(e)) => return Err(*e),
                        Err(_) => return Ok(Step::Stall(n)),
                    }
                    if self.s.states[n].phase == Phase::Ready {
                        self.tx.txn.rules.interrupt.check()?;
                    }
                }
                Phase::Found => {
                    self.state(n).phase = Phase::Ready;
                    self.tx.txn.rules.interrupt.check()?;
                    let keyed = !pinned || all_true(&node.key_quals, self.env, &self.s.row)?;
                    if keyed && all_true(&node.quals, self.env, &self.s.row)? {
                        return Ok(Step::Row);
                    }
                }
                Phase::NextKey => {
                    let more = match &node.path {
                        Path::Index(p) if !pinned => self.next_key(n, p)?,
                        _ => false,
                    };
                    self.state(n).phase = if more { Phase::Ready } else { Phase::End };
                }
                Phase::End => return Ok(Step::End),
            }
        }
    }

    /// Prepares a scan's first key; `false` if it cannot find anything.
    fn begin(&mut self, n: NodeId, node: &ScanNode) -> Result<bool> {
        let p = match &node.path {
            Path::Gather(g) => {
                let values = g.terms.iter().map(|(asked, e)| Ok((asked, e.eval(self.env, &self.s.row)?)));
                let Some(search) = Lookup::search(values)? else { return Ok(false) };
                let st = self.state(n);
                (st.gather, st.candidates) = (Some(Gather::new(g.desc, &search, g.whole)), None);
                st.met.scans += 1;
                let place = st.heap.get_or_insert_default();
                (place.loaded, place.block, place.end) = (false, 0, None);
                return Ok(true);
            }
            Path::Nearest(p) => {
                let mut tree = Some(Question::default());
                for (asked, e) in &p.terms {
                    if !asked.ask(&e.eval(self.env, &self.s.row)?, &mut Vec::new(), &mut tree)? {
                        return Ok(false);
                    }
                }
                let mut q = tree.unwrap_or_default();
                q.near(p.column, &p.from.eval(self.env, &self.s.row)?);
                let st = self.state(n);
                st.nearest = Some(Box::new((Nearest::new(p.desc, asked(q)), Waiting::default())));
                st.measuring = None;
                st.met.scans += 1;
                return Ok(true);
            }
            Path::Heap => {
                self.state(n).met.scans += 1;
                let place = self.state(n).heap.get_or_insert_default();
                (place.loaded, place.block, place.end) = (false, 0, None);
                return Ok(true);
            }
            Path::Index(p) => p,
        };
        let s = &mut *self.s;
        let st = &mut s.states[n];
        st.search.clear();
        st.before.clear();
        st.behind.clear();
        st.list.clear();
        st.list_at = 0;
        let mut listed = false;
        for part in &p.equal {
            let key = if listed { &mut st.behind } else { &mut st.before };
            match &part.value {
                KeyValue::Null => put_key(&part.order, &Datum::Null, key)?,
                KeyValue::One(e) => match e.eval(self.env, &s.row)? {
                    Datum::Null => return Ok(false),
                    d => match convert(part.order.ty, d) {
                        Converted::Exact(d) => put_key(&part.order, &d, key)?,
                        _ => return Ok(false),
                    },
                },
                KeyValue::Any(e) => {
                    let Datum::Array(a) = e.eval(self.env, &s.row)? else { return Ok(false) };
                    for d in &a.items {
                        if let (false, Converted::Exact(d)) = (d.is_null(), convert(part.order.ty, d.clone())) {
                            let mut bytes = Vec::with_capacity(12);
                            put_key(&part.order, &d, &mut bytes)?;
                            st.list.push(bytes);
                        }
                    }
                    // Each value once, or a row would come out twice.
                    st.list.sort_unstable();
                    st.list.dedup();
                    if st.list.is_empty() {
                        return Ok(false);
                    }
                    listed = true;
                }
            }
        }
        if !listed {
            std::mem::swap(&mut st.search, &mut st.before);
            return self.seek(n, p);
        }
        self.next_key(n, p)
    }

    /// Goes on to the next element of a list; `false` when there is none.
    fn next_key(&mut self, n: NodeId, p: &IndexPath) -> Result<bool> {
        let st = self.state(n);
        let Some(element) = st.list.get(st.list_at) else { return Ok(false) };
        st.search.clear();
        st.search.extend_from_slice(&st.before);
        st.search.extend_from_slice(element);
        st.search.extend_from_slice(&st.behind);
        st.list_at += 1;
        st.looked = false;
        self.seek(n, p)
    }

    /// Makes the cursor over the keys that begin with the one searched for, within the bounds; `false` if they are empty.
    fn seek(&mut self, n: NodeId, p: &IndexPath) -> Result<bool> {
        let s = &mut *self.s;
        let st = &mut s.states[n];
        st.at = 0;
        if p.exact {
            return Ok(true);
        }
        let prefix = &st.search;
        let whole = || if prefix.is_empty() { Edge::Open } else { Edge::Inclusive(prefix.clone()) };
        let (mut first, mut last) = (None, None);
        if let Some(next) = &p.next {
            let with = |d: &Datum| -> Result<Vec<u8>> {
                let mut v = Vec::with_capacity(prefix.len() + 12);
                v.extend_from_slice(prefix);
                put_key(next, d, &mut v)?;
                Ok(v)
            };
            let (mut low, mut high) = (None, None);
            for (b, edge, is_low) in [(&p.low, &mut low, true), (&p.high, &mut high, false)] {
                let Some(b) = b else { continue };
                let d = b.value.eval(self.env, &s.row)?;
                if d.is_null() {
                    return Ok(false);
                }
                match (convert(next.ty, d), is_low) {
                    (Converted::Exact(d), _) if b.inclusive => *edge = Some(Edge::Inclusive(with(&d)?)),
                    (Converted::Exact(d), _) => *edge = Some(Edge::Exclusive(with(&d)?)),
                    // Bounds nothing.
                    (Converted::Below, true) | (Converted::Above, false) => {}
                    _ => return Ok(false),
                }
            }
            (first, last) = if next.desc { (high, low) } else { (low, high) };
            if p.not_null {
                // The open end stops where the NULLs begin.
                let nulls = Edge::Exclusive(with(&Datum::Null)?);
                if next.nulls_first { first = first.or(Some(nulls)) } else { last = last.or(Some(nulls)) }
            }
        }
        let (low, high) = (first.unwrap_or_else(whole), last.unwrap_or_else(whole));
        let direction = if p.reverse { Direction::Backward } else { Direction::Forward };
        st.cursor = Some(Cursor::open(p.desc, low, high, direction, Access::Point, true)?);
        st.met.scans += 1;
        Ok(true)
    }

    // ---- row locks -----------------------------------------------------------------------------------------------

    fn lock(&mut self, n: NodeId, input: NodeId, locks: &[LockNode], recheck: &Recheck) -> Result<Step> {
        'rows: loop {
            if matches!(self.s.states[n].phase, Phase::Start) {
                let step = self.next(input)?;
                if step != Step::Row {
                    return Ok(step);
                }
                let st = self.state(n);
                (st.phase, st.at, st.newest, st.decoding) = (Phase::Ready, 0, false, None);
            }
            while let Some(l) = locks.get(self.s.states[n].at) {
                if self.s.states[n].phase == Phase::Ready {
                    match self.try_lock(n, locks) {
                        Ok(o) => self.state(n).outcome = o,
                        Err(Wait::Fail(e)) => return Err(*e),
                        Err(_) => return Ok(Step::Stall(n)),
                    }
                }
                self.state(n).phase = Phase::Ready;
                let outcome = self.s.states[n].outcome;
                if !self.locked(n, l, outcome, recheck)? {
                    self.state(n).phase = Phase::Start;
                    continue 'rows;
                }
            }
            self.state(n).phase = Phase::Start;
            return Ok(Step::Row);
        }
    }

    /// Goes on from a lock's outcome: to the next lock, or to this one again. `false` drops the row.
    fn locked(&mut self, n: NodeId, l: &LockNode, outcome: Outcome, recheck: &Recheck) -> Result<bool> {
        let repeatable = self.tx.isolation.one_snapshot();
        let conflict = |what: &str| {
            let text = format!("could not serialize access due to concurrent {what}");
            Err(DbError::new(SqlState::T_R_SERIALIZATION_FAILURE, text))
        };
        match outcome {
            Outcome::Locked => {}
            Outcome::Newer => {
                if !all_true(&recheck.preds, self.env, &self.s.row)? {
                    return Ok(false);
                }
                self.compute(&recheck.exprs)?;
            }
            Outcome::Updated if repeatable => return conflict("update"),
            Outcome::Deleted if repeatable => return conflict("delete"),
            Outcome::Updated => {
                self.state(n).newest = true;
                return Ok(true);
            }
            Outcome::Deleted | Outcome::Own => return Ok(false),
            Outcome::Refused if l.wait == LockWait::Skip => return Ok(false),
            Outcome::Refused => {
                let name = match &self.plan.program.nodes[l.scan] {
                    Node::Scan(s) => s.table.rel.name.as_str(),
                    _ => "?",
                };
                return Err(DbError::new(
                    SqlState::LOCK_NOT_AVAILABLE,
                    format!("could not obtain lock on row in relation \"{name}\""),
                ));
            }
        }
        let st = self.state(n);
        st.at += 1;
        st.newest = false;
        Ok(true)
    }

    fn try_lock(&mut self, n: NodeId, locks: &[LockNode]) -> Op<Outcome> {
        let plan = self.plan;
        let (manager, owner) = (Arc::clone(self.tx.txn.store().locks()), Arc::clone(self.tx.txn.lock_owner()));
        let (s, snap, env) = (&mut *self.s, self.snap, self.env);
        self.tx.txn.try_now(|core, cx| match lock_op(plan, n, locks, s, snap, env) {
            Some((lock, mut scan)) => lock.step(&mut scan, &manager, &owner, core, cx),
            None => Ok(Outcome::Locked),
        })
    }
}

/// A scan's operation.
fn scan_cx<'m>(node: &'m ScanNode, n: NodeId, s: &'m mut PointScratch, snap: &'m Snapshot, env: Env<'m>) -> ScanCx<'m> {
    let pinned = s.pinned.filter(|p| p.0 == n).map(|p| p.1);
    let PointScratch { row, states, image, key, .. } = s;
    ScanCx { node, state: &mut states[n], row, image, key, snap, env, pinned }
}

/// The operation of the lock a row is at; `None` if there is no row to lock (an outer join's empty side).
fn lock_op<'m>(
    plan: &'m PointPlan,
    n: NodeId,
    locks: &[LockNode],
    s: &'m mut PointScratch,
    snap: &'m Snapshot,
    env: Env<'m>,
) -> Option<(LockCx, ScanCx<'m>)> {
    let l = locks.get(s.states[n].at)?;
    let Node::Scan(node) = &plan.program.nodes[l.scan] else { return None };
    let Datum::Int8(number) = s.row[l.rid] else { return None };
    let lock = LockCx { mode: l.mode, wait: l.wait, rid: number_rid(number) };
    let PointScratch { row, states, image, key, .. } = s;
    Some((lock, ScanCx { node, state: &mut states[n], row, image, key, snap, env, pinned: None }))
}

/// Order of two rows by their sort keys.
pub(super) fn order(keys: &[OrderKey], a: &[Datum], b: &[Datum]) -> Ordering {
    for ((k, x), y) in keys.iter().zip(a).zip(b) {
        let o = match (x.is_null(), y.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if k.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if k.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let o = cmp::compare(k.expr.ty, k.expr.ty.collation, x, y);
                if k.desc { o.reverse() } else { o }
            }
        };
        if o != Ordering::Equal {
            return o;
        }
    }
    Ordering::Equal
}
