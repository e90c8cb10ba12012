//! Counting statements ([`crate::query_stats`]) as a session runs them, and telling their ids.
//!
//! A statement is timed from its start to its last row, without what its client takes between two Executes, and counted when
//! it has ended well. What it is counted under (its id, its text) is asked for then; the id is kept with the plan.

use super::Session;
use super::plan::Plan;
use super::rows::{Portal, Source, Stage};
use super::shared::SessionShared;
use crate::api::{ExecuteEnd, Output};
use crate::catalog::routines::Routine;
use crate::query_stats::{Event, Key, shape, text};
use crate::settings::Settings;
use rustydb_base::Result;
use rustydb_parser::ast::Statement;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Whether ids are computed: `compute_query_id`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Ids {
    Off,
    On,
    /// If somebody counts by them.
    #[default]
    Auto,
    /// The same, and EXPLAIN does not show them.
    Regress,
}

/// Which statements are counted: `pg_stat_statements.track`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Track {
    None,
    #[default]
    Top,
    All,
}

/// What the settings say.
#[derive(Clone, Copy, Default)]
pub struct Wanted {
    ids: Ids,
    track: Track,
    utility: bool,
    planning: bool,
}

impl Wanted {
    /// From the session's settings.
    pub fn of(s: &Settings) -> Wanted {
        Wanted {
            ids: match s.get("compute_query_id") {
                "off" => Ids::Off,
                "on" => Ids::On,
                "regress" => Ids::Regress,
                _ => Ids::Auto,
            },
            track: match s.get("pg_stat_statements.track") {
                "none" => Track::None,
                "all" => Track::All,
                _ => Track::Top,
            },
            utility: s.is_on("pg_stat_statements.track_utility"),
            planning: s.is_on("pg_stat_statements.track_planning"),
        }
    }

    /// Whether client's statements are counted, if the extension is there.
    fn counts(self) -> bool {
        self.ids != Ids::Off && self.track != Track::None
    }

    /// Whether statements within others are counted, if the extension is there.
    pub fn counts_nested(self) -> bool {
        self.ids != Ids::Off && self.track == Track::All
    }
}

fn millis(d: Duration) -> f64 {
    d.as_secs_f64() * 1000.0
}

/// The rows that a command tag tells of.
fn rows_of(tag: &str) -> u64 {
    tag.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0)
}

impl Session {
    /// Whether ids are computed.
    fn ids(&self) -> bool {
        match self.limits.watch.ids {
            Ids::Off => false,
            Ids::On => true,
            Ids::Auto | Ids::Regress => self.engine.query_stats.installed(),
        }
    }

    /// Runs a portal for up to `max` rows; `describe` sends RowDescription first.
    pub(super) async fn run_portal(
        &mut self,
        portal: &mut Portal,
        max: usize,
        describe: bool,
        out: &mut dyn Output,
    ) -> Result<ExecuteEnd> {
        let begins = matches!(portal.stage, Stage::New);
        if begins && portal.plan.is_none() && self.ids() {
            self.shared.query_id.store(utility_id(portal), Ordering::Relaxed);
        }
        let counted = self.engine.query_stats.installed()
            && self.limits.watch.counts()
            && (begins || matches!(portal.stage, Stage::Open(_)));
        if !counted {
            return self.run_portal_unwatched(portal, max, describe, out).await;
        }
        let started = Instant::now();
        let end = self.run_portal_unwatched(portal, max, describe, out).await?;
        portal.spent += started.elapsed();
        match &end {
            ExecuteEnd::Complete(tag) => self.count(portal, tag),
            // That many were sent, and more are to come.
            ExecuteEnd::Suspended => portal.sent += max as u64,
            ExecuteEnd::Empty => {}
        }
        Ok(end)
    }

    /// Counts a portal that is complete.
    fn count(&mut self, portal: &Portal, tag: &str) {
        let Some(stmt) = &portal.source.stmt else { return };
        let ms = millis(portal.spent);
        if let Some(plan) = &portal.plan {
            let event = Event::Ran(ms, portal.sent + rows_of(tag));
            return count_plan(&self.shared, plan, stmt, self.text_of(&portal.source), event, true);
        }
        // Of these what they prepare or run is counted.
        let others = matches!(&**stmt, Statement::Execute(_) | Statement::Prepare(_) | Statement::Deallocate(_));
        if others || !self.limits.watch.utility {
            return;
        }
        let rows = match () {
            () if matches!(**stmt, Statement::RefreshMaterializedView(_)) => std::mem::take(&mut self.refreshed),
            () if ["FETCH ", "COPY ", "SELECT "].iter().any(|t| tag.starts_with(t)) => portal.sent + rows_of(tag),
            () => 0,
        };
        let key = Key {
            user: self.shared.user_oid(),
            database: self.shared.database_oid,
            query: utility_id(portal),
            toplevel: true,
        };
        self.engine.query_stats.count(key, Event::Ran(ms, rows), || utility_text(portal).to_owned());
    }

    fn text_of<'s>(&self, source: &'s Source) -> Text<'s> {
        Text { whole: &source.text, place: source.place.clone(), standard_strings: self.limits.standard_strings }
    }

    /// A statement with a plan begins: others see its id, and what it took to make the plan is counted.
    pub(super) fn note_plan(&self, plan: &Plan, stmt: &Statement, source: &Source) {
        if !self.ids() {
            return;
        }
        self.shared.query_id.store(plan_id(&self.shared, plan, stmt), Ordering::Relaxed);
        if self.planning_starts().is_some()
            && self.limits.watch.counts()
            && let Some(spent) = plan.take_planned()
        {
            let event = Event::Planned(millis(spent));
            count_plan(&self.shared, plan, stmt, self.text_of(source), event, true);
        }
    }

    /// The id that EXPLAIN shows of a statement.
    pub(super) fn shown_id(&self, plan: &Plan, stmt: &Statement) -> Option<i64> {
        let shows = self.ids() && self.limits.watch.ids != Ids::Regress;
        shows.then(|| plan_id(&self.shared, plan, stmt).cast_signed())
    }

    /// When a plan begins to be made, if that is of interest.
    pub(super) fn planning_starts(&self) -> Option<Instant> {
        (self.limits.watch.planning && self.engine.query_stats.installed()).then(Instant::now)
    }

    /// Counts a statement that another one has run, if such are counted.
    pub(super) fn count_inner(&self, plan: &Plan, stmt: &Statement, whole: &str, spent: Duration, rows: u64) {
        if counts_nested(&self.shared) {
            let standard_strings = self.limits.standard_strings;
            let text = Text { whole, place: 0..whole.len(), standard_strings };
            count_plan(&self.shared, plan, stmt, text, Event::Ran(millis(spent), rows), false);
        }
    }
}

/// The text of a portal's statement that has no plan.
fn utility_text(portal: &Portal) -> &str {
    let whole = &portal.source.text;
    whole.get(text::own(whole, portal.source.place.clone())).unwrap_or(&portal.source.own)
}

fn utility_id(portal: &Portal) -> u64 {
    shape::of_text(utility_text(portal))
}

fn plan_id(shared: &SessionShared, plan: &Plan, stmt: &Statement) -> u64 {
    plan.query_id(|path| shape::of(stmt, &shared.catalog(), path, &[]).id)
}

/// Whether statements within others are counted.
pub(super) fn counts_nested(shared: &SessionShared) -> bool {
    shared.engine.query_stats.installed() && shared.counts_nested.load(Ordering::Relaxed)
}

/// A statement's text: where it stands in what, and whether backslashes are ordinary there.
struct Text<'s> {
    whole: &'s str,
    place: Range<usize>,
    standard_strings: bool,
}

/// Counts a statement with a plan.
fn count_plan(shared: &SessionShared, plan: &Plan, stmt: &Statement, t: Text<'_>, event: Event, toplevel: bool) {
    let query = plan_id(shared, plan, stmt);
    let key = Key { user: plan.role(), database: shared.database_oid, query, toplevel };
    shared.engine.query_stats.count(key, event, || {
        let shape = shape::of(stmt, &shared.catalog(), plan.path(), &[]);
        text::normalised(t.whole, text::own(t.whole, t.place), &shape, t.standard_strings)
    });
}

/// Counts the `n`th statement of a function's body, which is parsed again where its shape is not known.
fn count_of_function(shared: &SessionShared, r: &Routine, n: usize, plan: &Plan, event: Event) {
    // Of a body that was parsed with its definition PostgreSQL knows no ids.
    if r.standard.is_some() {
        return;
    }
    let named: Vec<&str> = r.params.iter().filter(|p| p.is_input()).map(|p| p.name.as_str()).collect();
    let with_shape = |f: &dyn Fn(Range<usize>, &shape::Shape) -> Option<String>| -> Option<(u64, String)> {
        let p = rustydb_parser::parse(&r.source).ok()?.into_iter().nth(n)?;
        let catalog = shared.catalog();
        let shape = shape::of(&p.stmt, &catalog, plan.path(), &named);
        Some((shape.id, f(p.text, &shape).unwrap_or_default()))
    };
    let query = plan.query_id(|_| with_shape(&|_, _| None).map_or(1, |x| x.0));
    let key = Key { user: plan.role(), database: shared.database_oid, query, toplevel: false };
    shared.engine.query_stats.count(key, event, || {
        let text =
            |place, shape: &shape::Shape| Some(text::normalised(&r.source, text::own(&r.source, place), shape, true));
        with_shape(&text).map_or_else(|| r.source.clone(), |x| x.1)
    });
}

/// Counts what it took to make the plan of a statement of a function's body.
pub(super) fn count_planned(shared: &SessionShared, r: &Routine, n: usize, plan: &Plan) {
    if let Some(spent) = plan.take_planned() {
        count_of_function(shared, r, n, plan, Event::Planned(millis(spent)));
    }
}

/// Counts a run of a statement of a function's body.
pub(super) fn count_run(shared: &SessionShared, r: &Routine, n: usize, plan: &Plan, spent: Duration, rows: u64) {
    count_of_function(shared, r, n, plan, Event::Ran(millis(spent), rows));
}

/// Whether it is of interest how long plans take to make.
pub(super) fn times_planning(shared: &SessionShared) -> bool {
    counts_nested(shared) && shared.settings(|s| s.is_on("pg_stat_statements.track_planning"))
}
