//! Patterns as paths of segments that they share.

use std::collections::BTreeMap;

use super::pattern::{End, PatternSegment};
use super::segments::Segments;
use super::subscription::{BusSubscription, ListPlace};
use crate::core::slab::Slab;
use crate::core::slab::list::{List, NIL};

const ROOT: u32 = 0;

/// The edge from its parent to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EdgeKind {
    Word(u32),
    One,
    Any,
}

#[derive(Debug)]
struct TrieNode {
    parent: u32,
    step: EdgeKind,
    /// Children by a word. One stands here, the others are in the trie's edges.
    words: u32,
    word: u32,
    by_word: u32,
    one: u32,
    any: u32,
    nothing: List,
    some: List,
    rest: List,
    /// The last moment at which a walk stood here.
    entered: u64,
    /// The last walk that found `rest`.
    rest_found: u64,
}

fn edge(parent: u32, word: u32) -> u64 {
    (u64::from(parent) << 32) | u64::from(word)
}

impl TrieNode {
    fn new(parent: u32, step: EdgeKind) -> Self {
        let empty = List::EMPTY;
        Self {
            parent,
            step,
            words: 0,
            word: 0,
            by_word: NIL,
            one: NIL,
            any: NIL,
            nothing: empty,
            some: empty,
            rest: empty,
            entered: 0,
            rest_found: 0,
        }
    }

    fn is_needed(&self) -> bool {
        let has_child = self.words > 0 || self.one != NIL || self.any != NIL;
        has_child || [self.nothing, self.some, self.rest].into_iter().any(|list| !list.is_empty())
    }
}

/// Adds the subscriptions of a list to `found`.
fn collect(list: List, all: &Slab<BusSubscription>, found: &mut Vec<(u64, u32)>) {
    let mut slot = list.first();
    while let Some(subscription) = all.at(slot) {
        found.push((subscription.order, slot));
        slot = subscription.link.after();
    }
}

#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<TrieNode>,
    free: Vec<u32>,
    /// Child by parent and word, where the parent has several.
    edges: BTreeMap<u64, u32>,
    words: Segments,
    /// The nodes where a walk stands, and those where it will; kept from one walk to the next.
    here: Vec<u32>,
    there: Vec<u32>,
    walks: u64,
    moments: u64,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![TrieNode::new(NIL, EdgeKind::Any)],
            free: Vec::new(),
            edges: BTreeMap::new(),
            words: Segments::default(),
            here: Vec::new(),
            there: Vec::new(),
            walks: 0,
            moments: 0,
        }
    }
}

impl Trie {
    /// Returns the place of a pattern. Adds it if it is new.
    pub(super) fn place(&mut self, path: &[PatternSegment<'_>], end: End) -> ListPlace {
        let mut node = ROOT;
        for segment in path {
            node = self.child(node, *segment);
        }
        ListPlace { node, end }
    }

    pub(super) fn list(&mut self, place: ListPlace) -> &mut List {
        let node = &mut self.nodes[place.node as usize];
        match place.end {
            End::Nothing => &mut node.nothing,
            End::Some => &mut node.some,
            End::Any => &mut node.rest,
        }
    }

    /// Frees the nodes that are not needed any more, after a place has lost a subscription.
    pub(super) fn prune(&mut self, place: ListPlace) {
        let mut at = place.node;
        while at != ROOT && !self.nodes[at as usize].is_needed() {
            let TrieNode { parent, step, .. } = self.nodes[at as usize];
            let above = &mut self.nodes[parent as usize];
            match step {
                EdgeKind::One => above.one = NIL,
                EdgeKind::Any => above.any = NIL,
                EdgeKind::Word(word) => {
                    above.words -= 1;
                    if above.by_word == at {
                        above.by_word = NIL;
                    } else {
                        self.edges.remove(&edge(parent, word));
                    }
                    self.words.release(word);
                }
            }
            self.free.push(at);
            at = parent;
        }
    }

    /// Adds what wants a topic to what was found, in no order, each once.
    pub(super) fn find<'a>(
        &mut self,
        topic: impl Iterator<Item = &'a str>,
        all: &Slab<BusSubscription>,
        found: &mut Vec<(u64, u32)>,
    ) {
        self.walks += 1;
        self.moments += 1;
        let mut here = std::mem::take(&mut self.here);
        let mut there = std::mem::take(&mut self.there);
        self.enter(ROOT, &mut here, all, found);
        for segment in topic {
            self.moments += 1;
            // Looked for once, and only where a word leads on.
            let mut word = None;
            for &node in &here {
                let TrieNode { step, words, one, some, .. } = self.nodes[node as usize];
                collect(some, all, found);
                if words > 0 {
                    let word = *word.get_or_insert_with(|| self.words.find(segment));
                    if let Some(child) = word.and_then(|word| self.by_word(node, word)) {
                        self.enter(child, &mut there, all, found);
                    }
                }
                if one != NIL {
                    self.enter(one, &mut there, all, found);
                }
                if step == EdgeKind::Any && node != ROOT {
                    self.enter(node, &mut there, all, found);
                }
            }
            here.clear();
            std::mem::swap(&mut here, &mut there);
            if here.is_empty() {
                break;
            }
        }
        for &node in &here {
            collect(self.nodes[node as usize].nothing, all, found);
        }
        here.clear();
        self.here = here;
        self.there = there;
    }

    /// Stands at a node, and at the one after it that takes no segment.
    fn enter(
        &mut self,
        at: u32,
        places: &mut Vec<u32>,
        all: &Slab<BusSubscription>,
        found: &mut Vec<(u64, u32)>,
    ) {
        let (walk, moment) = (self.walks, self.moments);
        let node = &mut self.nodes[at as usize];
        // A part that takes any number of segments is reached from itself and from the one before.
        if node.entered == moment {
            return;
        }
        node.entered = moment;
        if node.rest_found != walk {
            node.rest_found = walk;
            collect(node.rest, all, found);
        }
        let any = node.any;
        places.push(at);
        if any != NIL {
            self.enter(any, places, all, found);
        }
    }

    fn by_word(&self, parent: u32, word: u32) -> Option<u32> {
        let node = &self.nodes[parent as usize];
        if node.by_word != NIL && node.word == word {
            return Some(node.by_word);
        }
        let others = node.words - u32::from(node.by_word != NIL);
        if others > 0 { self.edges.get(&edge(parent, word)).copied() } else { None }
    }

    fn child(&mut self, parent: u32, segment: PatternSegment<'_>) -> u32 {
        let above = &self.nodes[parent as usize];
        let (known, step) = match segment {
            PatternSegment::One => (above.one, EdgeKind::One),
            PatternSegment::Any => (above.any, EdgeKind::Any),
            PatternSegment::Plain(text) => {
                let word = self.words.find(text);
                match word.and_then(|word| self.by_word(parent, word)) {
                    Some(child) => return child,
                    None => (NIL, EdgeKind::Word(self.words.take(text))),
                }
            }
        };
        if known != NIL {
            return known;
        }
        let child = self.add(TrieNode::new(parent, step));
        let above = &mut self.nodes[parent as usize];
        match step {
            EdgeKind::One => above.one = child,
            EdgeKind::Any => above.any = child,
            EdgeKind::Word(word) => {
                above.words += 1;
                if above.by_word == NIL {
                    (above.word, above.by_word) = (word, child);
                } else {
                    self.edges.insert(edge(parent, word), child);
                }
            }
        }
        child
    }

    fn add(&mut self, node: TrieNode) -> u32 {
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = node;
            return free;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("fewer than 2^32 nodes")
    }

    /// Nodes beside the root, edges and words in use.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.nodes.len() - 1 - self.free.len(), self.edges.len(), self.words.len()]
    }
}
