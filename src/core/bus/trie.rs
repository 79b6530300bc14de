//! Patterns as paths of segments that they share.

use std::collections::BTreeMap;

use super::lists::{List, NONE};
use super::pattern::{End, Segment};
use super::subscriptions::Subscription;
use super::words::Words;
use crate::core::slab::Slab;

const ROOT: u32 = 0;

/// Where a subscription hangs: which list of which node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    node: u32,
    end: End,
}

/// What leads from its parent to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Word(u32),
    One,
    Any,
}

#[derive(Debug)]
struct Node {
    parent: u32,
    step: Step,
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
    told: u64,
}

fn edge(parent: u32, word: u32) -> u64 {
    (u64::from(parent) << 32) | u64::from(word)
}

impl Node {
    fn new(parent: u32, step: Step) -> Self {
        let empty = List::EMPTY;
        Self {
            parent,
            step,
            words: 0,
            word: 0,
            by_word: NONE,
            one: NONE,
            any: NONE,
            nothing: empty,
            some: empty,
            rest: empty,
            entered: 0,
            told: 0,
        }
    }

    fn is_needed(&self) -> bool {
        let has_child = self.words > 0 || self.one != NONE || self.any != NONE;
        has_child || [self.nothing, self.some, self.rest].into_iter().any(|list| !list.is_empty())
    }
}

#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    free: Vec<u32>,
    /// Child by parent and word, where the parent has several.
    edges: BTreeMap<u64, u32>,
    words: Words,
    /// Where a walk stands, and where it will; kept from one to the next.
    here: Vec<u32>,
    there: Vec<u32>,
    walks: u64,
    moments: u64,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(NONE, Step::Any)],
            free: Vec::new(),
            edges: BTreeMap::new(),
            words: Words::default(),
            here: Vec::new(),
            there: Vec::new(),
            walks: 0,
            moments: 0,
        }
    }
}

impl Trie {
    /// The place of a pattern, made if it is new.
    pub(super) fn place(&mut self, path: &[Segment<'_>], end: End) -> Place {
        let mut node = ROOT;
        for segment in path {
            node = self.child(node, *segment);
        }
        Place { node, end }
    }

    pub(super) fn list(&mut self, place: Place) -> &mut List {
        let node = &mut self.nodes[place.node as usize];
        match place.end {
            End::Nothing => &mut node.nothing,
            End::Some => &mut node.some,
            End::Any => &mut node.rest,
        }
    }

    /// Frees the nodes that nobody needs once a place has lost a subscription.
    pub(super) fn prune(&mut self, place: Place) {
        let mut at = place.node;
        while at != ROOT && !self.nodes[at as usize].is_needed() {
            let Node { parent, step, .. } = self.nodes[at as usize];
            let above = &mut self.nodes[parent as usize];
            match step {
                Step::One => above.one = NONE,
                Step::Any => above.any = NONE,
                Step::Word(word) => {
                    above.words -= 1;
                    if above.by_word == at {
                        above.by_word = NONE;
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
        all: &Slab<Subscription>,
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
                let Node { step, words, one, some, .. } = self.nodes[node as usize];
                some.collect(all, found);
                if words > 0 {
                    let word = *word.get_or_insert_with(|| self.words.find(segment));
                    if let Some(child) = word.and_then(|word| self.by_word(node, word)) {
                        self.enter(child, &mut there, all, found);
                    }
                }
                if one != NONE {
                    self.enter(one, &mut there, all, found);
                }
                if step == Step::Any && node != ROOT {
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
            self.nodes[node as usize].nothing.collect(all, found);
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
        all: &Slab<Subscription>,
        found: &mut Vec<(u64, u32)>,
    ) {
        let (walk, moment) = (self.walks, self.moments);
        let node = &mut self.nodes[at as usize];
        // What takes any number of segments is come to from itself and from before.
        if node.entered == moment {
            return;
        }
        node.entered = moment;
        if node.told != walk {
            node.told = walk;
            node.rest.collect(all, found);
        }
        let any = node.any;
        places.push(at);
        if any != NONE {
            self.enter(any, places, all, found);
        }
    }

    fn by_word(&self, parent: u32, word: u32) -> Option<u32> {
        let node = &self.nodes[parent as usize];
        if node.by_word != NONE && node.word == word {
            return Some(node.by_word);
        }
        let others = node.words - u32::from(node.by_word != NONE);
        if others > 0 { self.edges.get(&edge(parent, word)).copied() } else { None }
    }

    fn child(&mut self, parent: u32, segment: Segment<'_>) -> u32 {
        let above = &self.nodes[parent as usize];
        let (known, step) = match segment {
            Segment::One => (above.one, Step::One),
            Segment::Any => (above.any, Step::Any),
            Segment::Plain(text) => {
                let word = self.words.find(text);
                match word.and_then(|word| self.by_word(parent, word)) {
                    Some(child) => return child,
                    None => (NONE, Step::Word(self.words.take(text))),
                }
            }
        };
        if known != NONE {
            return known;
        }
        let child = self.add(Node::new(parent, step));
        let above = &mut self.nodes[parent as usize];
        match step {
            Step::One => above.one = child,
            Step::Any => above.any = child,
            Step::Word(word) => {
                above.words += 1;
                if above.by_word == NONE {
                    (above.word, above.by_word) = (word, child);
                } else {
                    self.edges.insert(edge(parent, word), child);
                }
            }
        }
        child
    }

    fn add(&mut self, node: Node) -> u32 {
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
