//! Links and monitors: which process learns of the end of which.

use std::collections::{BTreeMap, BTreeSet};

use super::ids::{LinkId, MonitorId, Pid};

/// All links and monitors of a runtime, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Relations {
    last: u64,
    links: BTreeMap<LinkId, (Pid, Pid)>,
    monitors: BTreeMap<MonitorId, (Pid, Pid)>,
    /// The links of each process. A process without links is not in here.
    links_of: BTreeSet<(Pid, LinkId)>,
    monitors_of: BTreeSet<(Pid, MonitorId)>,
}

/// The links and monitors that an end concerns.
#[derive(Debug, Default)]
pub(super) struct EndedRelations {
    pub(super) links: Vec<(LinkId, Pid)>,
    pub(super) monitors: Vec<(MonitorId, Pid)>,
}

impl Relations {
    /// Links two processes; linking them again gives the link there is.
    pub(super) fn link(&mut self, one: Pid, other: Pid) -> LinkId {
        let all = (one, LinkId(0))..=(one, LinkId(u64::MAX));
        let known = self.links_of.range(all).find(|(_, link)| {
            self.links.get(link).is_some_and(|ends| *ends == (one, other) || *ends == (other, one))
        });
        if let Some((_, link)) = known {
            return *link;
        }
        self.last += 1;
        let link = LinkId(self.last);
        self.links.insert(link, (one, other));
        self.links_of.insert((one, link));
        self.links_of.insert((other, link));
        link
    }

    /// Unlinks two processes. Returns whether there was a link.
    pub(super) fn unlink(&mut self, link: LinkId) -> bool {
        let Some((one, other)) = self.links.remove(&link) else { return false };
        self.links_of.remove(&(one, link));
        self.links_of.remove(&(other, link));
        true
    }

    pub(super) fn monitor(&mut self, watcher: Pid, subject: Pid) -> MonitorId {
        self.last += 1;
        let monitor = MonitorId(self.last);
        self.monitors.insert(monitor, (watcher, subject));
        self.monitors_of.insert((watcher, monitor));
        self.monitors_of.insert((subject, monitor));
        monitor
    }

    /// Returns an id for a monitor of a process that has ended already. Such a monitor ends at once.
    pub(super) fn spent_monitor(&mut self) -> MonitorId {
        self.last += 1;
        MonitorId(self.last)
    }

    /// Ends a monitor. Returns whether there was one.
    pub(super) fn demonitor(&mut self, monitor: MonitorId) -> bool {
        let Some((watcher, subject)) = self.monitors.remove(&monitor) else { return false };
        self.monitors_of.remove(&(watcher, monitor));
        self.monitors_of.remove(&(subject, monitor));
        true
    }

    /// Removes a process from all links and monitors. Returns the other ends, in the order in which they were made.
    pub(super) fn ended(&mut self, pid: Pid) -> EndedRelations {
        let mut ended = EndedRelations::default();
        let links: Vec<LinkId> = self
            .links_of
            .range((pid, LinkId(0))..=(pid, LinkId(u64::MAX)))
            .map(|(_, link)| *link)
            .collect();
        for link in links {
            if let Some((one, other)) = self.links.get(&link).copied() {
                ended.links.push((link, if one == pid { other } else { one }));
            }
            self.unlink(link);
        }
        let monitors: Vec<MonitorId> = self
            .monitors_of
            .range((pid, MonitorId(0))..=(pid, MonitorId(u64::MAX)))
            .map(|(_, monitor)| *monitor)
            .collect();
        for monitor in monitors {
            if let Some((watcher, subject)) = self.monitors.get(&monitor).copied()
                && subject == pid
            {
                ended.monitors.push((monitor, watcher));
            }
            self.demonitor(monitor);
        }
        ended
    }

    /// Returns the processes that one is linked to, and those that it monitors, in the order in which that began.
    pub(super) fn of(&self, pid: Pid) -> (Vec<Pid>, Vec<Pid>) {
        let links = self.links_of.range((pid, LinkId(0))..=(pid, LinkId(u64::MAX)));
        let linked = links.filter_map(|(_, link)| {
            let &(one, other) = self.links.get(link)?;
            Some(if one == pid { other } else { one })
        });
        let monitors = self.monitors_of.range((pid, MonitorId(0))..=(pid, MonitorId(u64::MAX)));
        let monitored = monitors.filter_map(|(_, monitor)| {
            let &(watcher, subject) = self.monitors.get(monitor)?;
            (watcher == pid).then_some(subject)
        });
        (linked.collect(), monitored.collect())
    }

    /// Returns how many links and monitors there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.links.len(), self.monitors.len())
    }
}
