//! LISTEN, UNLISTEN, NOTIFY and their functions; see [`crate::notify`].

use super::Session;
use super::kernels::session;
use super::shared::SessionShared;
use crate::api::Output;
use crate::notify::{Inbox, Listening, Pending};
use parking_lot::Mutex;
use rustydb_base::{Lsn, Result};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use std::sync::Arc;

/// A session's part in notifications.
#[derive(Default)]
pub struct Notifications {
    /// What has come for it.
    pub inbox: Arc<Inbox>,
    /// Of the open transaction.
    pub pending: Mutex<Pending>,
    /// Channels it listens to, in the order it began to.
    channels: Mutex<Vec<String>>,
}

impl Session {
    /// LISTEN.
    pub(super) fn listen(&self, channel: &str) -> Result<String> {
        self.shared.notifications.pending.lock().listening(Listening::To(channel.to_owned()));
        Ok("LISTEN".into())
    }

    /// UNLISTEN; `None` for `*`.
    pub(super) fn unlisten(&self, channel: Option<&str>) -> Result<String> {
        let l = channel.map_or(Listening::Nothing, |c| Listening::NotTo(c.to_owned()));
        self.shared.notifications.pending.lock().listening(l);
        Ok("UNLISTEN".into())
    }

    /// NOTIFY.
    pub(super) fn notify(&self, channel: &str, payload: &str) -> Result<String> {
        self.shared.notifications.pending.lock().notify(channel, payload)?;
        Ok("NOTIFY".into())
    }

    /// Commits a transaction that has something to say or begins to listen.
    pub(super) async fn commit_notifying(&mut self, tx: crate::transaction::Transaction) -> Result<Lsn> {
        let engine = Arc::clone(&self.engine);
        let hub = &engine.notifications;
        let _order = hub.order.lock().await;
        let mut pending = std::mem::take(&mut *self.shared.notifications.pending.lock());
        if let Err(e) = hub.reserve(&pending) {
            tx.abort().await?;
            return Err(e);
        }
        let done = tx.commit().await;
        let Ok(lsn) = done else {
            hub.release(&pending);
            return done;
        };
        for l in pending.take_listening() {
            self.change_listening(l);
        }
        hub.publish(self.db.oid, self.shared.pid, pending, lsn);
        Ok(lsn)
    }

    fn change_listening(&self, l: Listening) {
        let (hub, db, pid) = (&self.engine.notifications, self.db.oid, self.shared.pid);
        let n = &self.shared.notifications;
        let mut channels = n.channels.lock();
        match l {
            Listening::To(c) => {
                if !channels.contains(&c) {
                    hub.listen(db, &c, pid, &n.inbox);
                    channels.push(c);
                }
            }
            Listening::NotTo(c) => {
                channels.retain(|x| *x != c);
                hub.unlisten(db, &c, pid);
            }
            Listening::Nothing => channels.drain(..).for_each(|c| hub.unlisten(db, &c, pid)),
        }
    }

    /// The session ends.
    pub(super) fn stop_listening(&self) {
        self.change_listening(Listening::Nothing);
    }

    /// Writes the messages that have come, unless a transaction is open.
    pub(super) fn deliver(&mut self, out: &mut dyn Output) {
        if self.tx.block != super::txn::Block::Idle {
            return;
        }
        for m in self.shared.notifications.inbox.take() {
            self.shared.gate.depends_on(m.lsn);
            out.notification(m.pid, &m.channel, &m.payload);
        }
    }
}

fn pg_notify(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let text = |i: usize| match args.get(i) {
        Some(Datum::Text(t)) => t.as_str(),
        // PostgreSQL takes NULL for the empty string here.
        _ => "",
    };
    session(ctx)?.notifications.pending.lock().notify(text(0), text(1))?;
    Ok(Datum::Text(Default::default()))
}

fn queue_usage(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Float8(session(ctx)?.engine.notifications.usage()))
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn channels(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let s: &SessionShared = session(ctx)?;
    let all = s.notifications.channels.lock().clone();
    Ok(Box::new(all.into_iter().map(|c| Ok(vec![Datum::Text(c.into())]))))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "pg_notify", body: KernelBody::Scalar(pg_notify) },
    Kernel { name: "pg_notification_queue_usage", body: KernelBody::Scalar(queue_usage) },
    Kernel { name: "pg_listening_channels", body: KernelBody::Set(channels) },
];
