//! All numbers this crate keeps.

use rustydb_base::metrics::{Counter, Gauge, Metric};

/// Open client sockets, sessions or not.
pub static CONNECTIONS: Gauge = Gauge::new("server_connections", "open client connections");
/// Connections accepted since start.
pub static ACCEPTED: Counter = Counter::new("server_connections_accepted", "client connections accepted");
/// Connections refused because too many were open.
pub static TURNED_AWAY: Counter = Counter::new("server_connections_turned_away", "client connections over the limit");
/// Sessions that ended in a panic.
pub static PANICS: Counter = Counter::new("server_session_panics", "sessions ended by a bug in the server");

/// Answers that left in one call with others'.
pub static SENT_TOGETHER: Counter =
    Counter::new("server_answers_sent_together", "answers sent in one call with others");

/// The list for the registry.
pub static ALL: [Metric; 5] = [
    Metric::Gauge(&CONNECTIONS),
    Metric::Counter(&ACCEPTED),
    Metric::Counter(&TURNED_AWAY),
    Metric::Counter(&PANICS),
    Metric::Counter(&SENT_TOGETHER),
];
