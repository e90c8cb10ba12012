//! The machine's aggregates. Groups come out in the order in which they were met, as those of the other executor do.

use super::plan::{AggNode, GroupKey, NodeId};
use super::run::{Machine, Step, order};
use super::scratch::{Phase, SortRow};
use crate::exec::ties;
use rustydb_base::{DbError, Result};
use rustydb_types::datum::Datum;
use rustydb_types::kernel::CallInfo;
use rustydb_types::keyenc;
use smallvec::SmallVec;

/// Bytes that a group and an aggregate's empty state are taken to hold.
const GROUP: usize = 96;
const STATE: usize = 64;

impl Machine<'_> {
    pub(super) fn aggregate(
        &mut self,
        n: NodeId,
        input: NodeId,
        groups: &[GroupKey],
        aggs: &[AggNode],
    ) -> Result<Step> {
        if self.state(n).phase == Phase::Start {
            let st = self.state(n);
            st.aggs.clear();
            st.values.clear();
            st.waiting.clear();
            st.groups.clear();
            st.group_of.clear();
            (st.phase, st.at) = (Phase::Ready, 0);
            if groups.is_empty() {
                self.open_group(n, aggs, Box::new([]));
            }
        }
        while self.state(n).phase == Phase::Ready {
            match self.next(input)? {
                Step::Row => {}
                Step::End => {
                    self.state(n).phase = Phase::Found;
                    break;
                }
                stop => return Ok(stop),
            }
            let (group, opened) = match groups {
                [] => (0, 0),
                _ => self.group(n, groups, aggs)?,
            };
            let held = opened + self.feed(n, group, aggs)?;
            if held > 0 && self.hold(held) {
                return Ok(Step::TooBig);
            }
        }
        let s = &mut *self.s;
        let st = &mut s.states[n];
        let at = st.at;
        let Some(values) = st.groups.get_mut(at) else { return Ok(Step::End) };
        st.at += 1;
        for (g, v) in groups.iter().zip(values.iter_mut()) {
            s.row[g.slot] = std::mem::take(v);
        }
        for (i, a) in aggs.iter().enumerate() {
            let place = at * aggs.len() + i;
            if let Some(rows) = st.waiting.get_mut(place) {
                ties::sort(rows, &mut |x, y| order(&a.order, &x.keys, &y.keys));
                for r in std::mem::take(rows) {
                    st.aggs[place].update(self.env.ctx, &r.values)?;
                }
            }
            s.row[a.slot] = st.aggs[place].finish(self.env.ctx)?;
        }
        Ok(Step::Row)
    }

    /// A group without rows.
    fn open_group(&mut self, n: NodeId, aggs: &[AggNode], key: Box<[Datum]>) {
        let st = self.state(n);
        for a in aggs {
            let info = CallInfo { args: &a.types, result: a.result, collation: a.collation };
            st.aggs.push((a.kernel.init)(&info));
        }
        st.groups.push(key);
        let places = st.groups.len() * aggs.len();
        st.values.resize_with(places, Default::default);
        if aggs.iter().any(|a| !a.order.is_empty()) {
            st.waiting.resize_with(places, Vec::new);
        }
    }

    /// The group of the current row, and the bytes it takes if it is new.
    fn group(&mut self, n: NodeId, groups: &[GroupKey], aggs: &[AggNode]) -> Result<(usize, usize)> {
        let mut values: SmallVec<[Datum; 4]> = SmallVec::new();
        let mut key = Vec::with_capacity(32);
        for g in groups {
            let d = g.expr.eval(self.env, &self.s.row)?;
            keyenc::encode_key(g.ty, &d, false, false, &mut key)?;
            values.push(d);
        }
        if let Some(at) = self.state(n).group_of.get(key.as_slice()) {
            return Ok((*at, 0));
        }
        let at = self.state(n).groups.len();
        let held = GROUP + key.len() + values.iter().map(crate::exec::datum_size).sum::<usize>() + aggs.len() * STATE;
        self.state(n).group_of.insert(key.into(), at);
        self.open_group(n, aggs, values.into_vec().into());
        Ok((at, held))
    }

    /// Gives the current row to a group's aggregates; answers the bytes that their values take now.
    fn feed(&mut self, n: NodeId, group: usize, aggs: &[AggNode]) -> Result<usize> {
        let mut held = 0;
        for (i, a) in aggs.iter().enumerate() {
            let s = &mut *self.s;
            if let Some(f) = &a.filter
                && !f.test(self.env, &s.row)?
            {
                continue;
            }
            let mut args: SmallVec<[Datum; 2]> = SmallVec::new();
            for e in &a.args {
                args.push(e.eval(self.env, &s.row)?);
            }
            let st = &mut s.states[n];
            let at = group * aggs.len() + i;
            if a.distinct {
                let mut bytes = Vec::with_capacity(16);
                for (d, ty) in args.iter().zip(&a.types) {
                    keyenc::encode_key(*ty, d, false, false, &mut bytes)?;
                }
                let len = bytes.len() + 48;
                let seen = st.values.get_mut(at).ok_or_else(|| DbError::internal("a group without its values"))?;
                if !seen.insert(bytes.into()) {
                    continue;
                }
                held += len;
            }
            if a.order.is_empty() {
                st.aggs[at].update(self.env.ctx, &args)?;
                continue;
            }
            let mut keys = SmallVec::new();
            for k in &a.order {
                keys.push(k.expr.eval(self.env, &s.row)?);
            }
            let row = SortRow { keys, values: args.into_vec().into() };
            held += size_of::<SortRow>()
                + row.keys.iter().chain(row.values.iter()).map(crate::exec::datum_size).sum::<usize>();
            let waiting = st.waiting.get_mut(at).ok_or_else(|| DbError::internal("a group without its rows"))?;
            waiting.push(row);
        }
        Ok(held)
    }
}
