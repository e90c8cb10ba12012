//! What a statement needs to be allowed to do, collected while it is bound and checked when it runs.
//!
//! Each use of a relation is one [`Need`]: as whom (a view's relations are read with the rights of the view's owner),
//! which privileges, and for those that columns can carry which columns. A plan's needs hold as long as the plan does:
//! definitions carry their own lists, and everything else that decides is counted by `Rights::version`.

use super::check::{denied, on_column, on_columns, on_relation, relation_word};
use super::{Mask, Privs, privs};
use crate::catalog::rows::table;
use crate::catalog::{Catalog, Relation};
use crate::plan::ir::{ColId, ColSet};
use rustydb_base::Result;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Column number that stands for the whole row.
pub const WHOLE_ROW: i16 = 0;

/// One use of a relation.
#[derive(Clone, Debug)]
pub struct Need {
    /// What is used.
    pub relation: Arc<Relation>,
    /// As whom; `None` is the current role.
    pub role: Option<u32>,
    /// What must be allowed.
    pub privs: Privs,
    /// Columns read.
    pub selected: BTreeSet<i16>,
    /// Columns inserted.
    pub inserted: BTreeSet<i16>,
    /// Columns updated.
    pub updated: BTreeSet<i16>,
}

impl Need {
    /// Whether it is granted.
    fn holds(&self, cat: &Catalog, current: u32) -> bool {
        let role = self.role.unwrap_or(current);
        let rel = &self.relation;
        let held = on_relation(cat, rel, role, Mask::of(self.privs)).privs;
        let missing = self.privs & !held;
        if missing & !(privs::SELECT | privs::INSERT | privs::UPDATE) != 0 {
            return false;
        }
        let columns = |p: Privs, list: &BTreeSet<i16>| {
            if list.is_empty() {
                return on_columns(cat, rel, role, p, false);
            }
            list.iter().all(|n| match *n {
                WHOLE_ROW => on_columns(cat, rel, role, p, true),
                n => on_column(cat, rel, n, role, Mask::of(p)).privs == p,
            })
        };
        (missing & privs::SELECT == 0 || columns(privs::SELECT, &self.selected))
            && (missing & privs::INSERT == 0 || columns(privs::INSERT, &self.inserted))
            && (missing & privs::UPDATE == 0 || columns(privs::UPDATE, &self.updated))
    }
}

/// All of a statement's.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    relations: Vec<Need>,
    /// Functions that not everyone may call: OID and name.
    functions: Vec<(u32, String)>,
    /// Which column of which need a bound column is: by the column's id, which are dense.
    columns: Vec<Option<(u32, i16)>>,
    /// Further uses of columns that stand for several.
    further: Vec<(ColId, u32, i16)>,
    /// Columns whose reading counts for nothing at the moment: policies read their table's rows by no right.
    muted: ColSet,
}

impl Needs {
    /// A use of a relation; answers its number.
    pub fn relation(&mut self, rel: &Arc<Relation>, role: Option<u32>, p: Privs) -> usize {
        self.relations.push(Need {
            relation: Arc::clone(rel),
            role,
            privs: p,
            selected: BTreeSet::new(),
            inserted: BTreeSet::new(),
            updated: BTreeSet::new(),
        });
        self.relations.len() - 1
    }

    /// The need of that number.
    pub fn get_mut(&mut self, need: usize) -> Option<&mut Need> {
        self.relations.get_mut(need)
    }

    /// The number of the need whose column a bound column is.
    pub fn of_column(&self, col: ColId) -> Option<usize> {
        self.uses_of(col).last().map(|c| c.0 as usize)
    }

    /// What a bound column stands for, in the order in which it was offered.
    fn uses_of(&self, col: ColId) -> impl Iterator<Item = (u32, i16)> {
        let first = self.columns.get(col as usize).copied().flatten();
        // Only a column that has a first use has further ones.
        let further = if first.is_some() { self.further.as_slice() } else { &[] };
        first.into_iter().chain(further.iter().filter(move |f| f.0 == col).map(|f| (f.1, f.2)))
    }

    /// A bound column stands for a column of that use.
    pub fn offers(&mut self, need: usize, col: ColId, attnum: i16) {
        // Neither number comes near its type's end: the tree has more than one word for each use and column.
        let need = u32::try_from(need).unwrap_or(u32::MAX);
        let at = col as usize;
        if self.columns.len() <= at {
            self.columns.resize(at + 1, None);
        }
        match &mut self.columns[at] {
            Some(_) => self.further.push((col, need, attnum)),
            none => *none = Some((need, attnum)),
        }
    }

    /// A bound column is read.
    pub fn reads(&mut self, col: ColId) {
        if self.muted.contains(&col) {
            return;
        }
        let mut note = |need: u32, attnum: i16| {
            if let Some(n) = self.relations.get_mut(need as usize) {
                n.privs |= privs::SELECT;
                n.selected.insert(attnum);
            }
        };
        let Some((need, attnum)) = self.columns.get(col as usize).copied().flatten() else { return };
        note(need, attnum);
        self.further.iter().filter(|f| f.0 == col).for_each(|f| note(f.1, f.2));
    }

    /// Stops counting the reading of the columns that `which` names; answers those it did not count before.
    pub fn muted(&mut self, which: impl Fn(ColId) -> bool) -> Vec<ColId> {
        let offered = self.columns.iter().enumerate().filter(|(_, c)| c.is_some());
        let ids = offered.filter_map(|(id, _)| ColId::try_from(id).ok());
        let new: Vec<ColId> = ids.filter(|c| which(*c) && !self.muted.contains(c)).collect();
        self.muted.extend(&new);
        new
    }

    /// Counts columns again.
    pub fn unmute(&mut self, columns: Vec<ColId>) {
        for c in columns {
            self.muted.remove(&c);
        }
    }

    /// A function is called.
    pub fn calls(&mut self, cat: &Catalog, oid: u32, name: &str) {
        let listed = cat.rights.objects.contains_key(&(table::PG_PROC, oid))
            || cat.routines.get(&oid).is_some_and(|r| r.acl.is_some());
        if listed && !self.functions.iter().any(|f| f.0 == oid) {
            self.functions.push((oid, name.to_owned()));
        }
    }

    /// Forgets what only binding needed.
    pub fn settled(mut self) -> Needs {
        self.columns = Vec::new();
        self.further = Vec::new();
        self.muted = ColSet::default();
        self
    }

    /// The uses of relations.
    pub fn uses(&self) -> &[Need] {
        &self.relations
    }

    /// Fails with the first thing that is not allowed.
    ///
    /// # Errors
    /// 42501.
    pub fn check(&self, cat: &Catalog, role: u32) -> Result<()> {
        for n in &self.relations {
            if !n.holds(cat, role) {
                return Err(denied(relation_word(n.relation.kind), &n.relation.name));
            }
        }
        for (oid, name) in &self.functions {
            let wanted = privs::EXECUTE;
            if super::check::on_object(cat, table::PG_PROC, *oid, role, Mask::of(wanted)).privs != wanted {
                return Err(denied("function", name));
            }
        }
        Ok(())
    }
}
