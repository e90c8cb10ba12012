//! What `pg_aggregate` keeps of users' aggregates.

use super::load::Reader;
use super::routines::PG_AGGREGATE;
use super::rows::{CatRow, RowBuilder};
use rustydb_base::Result;

/// The parts of an aggregate. Functions are OIDs, 0 for none.
#[derive(Clone, PartialEq, Debug)]
pub struct Aggregate {
    /// `n` normal, `o` ordered-set, `h` hypothetical-set.
    pub kind: char,
    /// Number of direct arguments of an ordered-set aggregate.
    pub direct: i16,
    /// SFUNC.
    pub transition: u32,
    /// FINALFUNC.
    pub last: u32,
    /// COMBINEFUNC.
    pub combine: u32,
    /// SERIALFUNC, DESERIALFUNC.
    pub serial: (u32, u32),
    /// MSFUNC, MINVFUNC, MFINALFUNC.
    pub moving: (u32, u32, u32),
    /// FINALFUNC_EXTRA, MFINALFUNC_EXTRA.
    pub extra: (bool, bool),
    /// FINALFUNC_MODIFY, MFINALFUNC_MODIFY.
    pub modify: (char, char),
    /// SORTOP.
    pub sort_operator: u32,
    /// STYPE.
    pub state: u32,
    /// SSPACE.
    pub space: i32,
    /// MSTYPE, MSSPACE.
    pub moving_state: (u32, i32),
    /// INITCOND.
    pub initial: Option<String>,
    /// MINITCOND.
    pub moving_initial: Option<String>,
}

/// Its row.
pub fn row(oid: u32, a: &Aggregate) -> CatRow {
    RowBuilder::new(PG_AGGREGATE)
        .oid("aggfnoid", oid)
        .ch("aggkind", a.kind)
        .i2("aggnumdirectargs", a.direct)
        .oid("aggtransfn", a.transition)
        .oid("aggfinalfn", a.last)
        .oid("aggcombinefn", a.combine)
        .oid("aggserialfn", a.serial.0)
        .oid("aggdeserialfn", a.serial.1)
        .oid("aggmtransfn", a.moving.0)
        .oid("aggminvtransfn", a.moving.1)
        .oid("aggmfinalfn", a.moving.2)
        .bool("aggfinalextra", a.extra.0)
        .bool("aggmfinalextra", a.extra.1)
        .ch("aggfinalmodify", a.modify.0)
        .ch("aggmfinalmodify", a.modify.1)
        .oid("aggsortop", a.sort_operator)
        .oid("aggtranstype", a.state)
        .i4("aggtransspace", a.space)
        .oid("aggmtranstype", a.moving_state.0)
        .i4("aggmtransspace", a.moving_state.1)
        .opt_text("agginitval", a.initial.as_deref())
        .opt_text("aggminitval", a.moving_initial.as_deref())
        .build()
}

/// The mirror of [`row`].
pub(super) fn load(r: &Reader<'_>) -> Result<Aggregate> {
    Ok(Aggregate {
        kind: r.ch("aggkind"),
        direct: r.i2("aggnumdirectargs")?,
        transition: r.oid("aggtransfn")?,
        last: r.oid("aggfinalfn")?,
        combine: r.oid("aggcombinefn")?,
        serial: (r.oid("aggserialfn")?, r.oid("aggdeserialfn")?),
        moving: (r.oid("aggmtransfn")?, r.oid("aggminvtransfn")?, r.oid("aggmfinalfn")?),
        extra: (r.bool("aggfinalextra"), r.bool("aggmfinalextra")),
        modify: (r.ch("aggfinalmodify"), r.ch("aggmfinalmodify")),
        sort_operator: r.oid("aggsortop")?,
        state: r.oid("aggtranstype")?,
        space: r.i4("aggtransspace")?,
        moving_state: (r.oid("aggmtranstype")?, r.i4("aggmtransspace")?),
        initial: r.opt_text("agginitval"),
        moving_initial: r.opt_text("aggminitval"),
    })
}
