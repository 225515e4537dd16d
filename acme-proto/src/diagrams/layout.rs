//! Places the nodes of a directed graph in ranks from top to bottom, as Sugiyama, Tagawa and Toda describe it.
//!
//! The result depends on nothing but the graph.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// The size of a node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Layout {
    /// The middle of each node.
    pub(super) places: Vec<(f64, f64)>,
    /// The points of each edge, from where it leaves to where it arrives.
    pub(super) paths: Vec<Vec<(f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The room between two ranks, and between two nodes of a rank.
const GAP: (f64, f64) = (20.0, 18.0);

/// Nodes, and places where an edge passes a rank, as the rows that they are in.
#[derive(Debug)]
struct Rows {
    rows: Vec<Vec<usize>>,
    sizes: Vec<Size>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    x: Vec<f64>,
}

/// Lays out a graph; the first node is at the top.
pub(super) fn layout(sizes: &[Size], edges: &[(usize, usize)]) -> Layout {
    let down = downward(sizes.len(), edges);
    let ranks = ranks(sizes.len(), &down);
    let mut rows = Rows::new(sizes, &ranks);
    // An edge over several ranks has a place of its own in each.
    let chains: Vec<_> = down.iter().map(|edge| rows.chain(*edge, &ranks)).collect();
    rows.order();
    rows.place();
    let left = |node: &usize| rows.x[*node] - rows.sizes[*node].width / 2.0;
    let right = |node: &usize| rows.x[*node] + rows.sizes[*node].width / 2.0;
    let all: Vec<usize> = (0..rows.x.len()).collect();
    let min = all.iter().map(left).fold(f64::MAX, f64::min) - 2.0;
    let width = all.iter().map(right).fold(f64::MIN, f64::max) - min + 2.0;
    rows.x.iter_mut().for_each(|x| *x -= min);
    let heights: Vec<_> = rows.heights();
    let mut tops = vec![2.0];
    heights.iter().for_each(|height| tops.push(tops[tops.len() - 1] + height + GAP.0));
    let middle = |rank: usize| tops[rank] + heights[rank] / 2.0;
    let places: Vec<_> = (0..sizes.len()).map(|node| (rows.x[node], middle(ranks[node]))).collect();
    let path = |(edge, chain): (&(usize, usize), &Vec<usize>)| {
        let (top, bottom) = (chain[0], chain[chain.len() - 1]);
        let y = |node: usize, side: f64| places[node].1 + side * sizes[node].height / 2.0;
        let x = |node, next, others| rows.port(node, next, others);
        let mut points = vec![(x(top, chain[1], &rows.below[top]), y(top, 1.0))];
        for (number, pass) in chain[1..chain.len() - 1].iter().enumerate() {
            let rank = ranks[top] + 1 + number;
            points.push((rows.x[*pass], tops[rank]));
            points.push((rows.x[*pass], tops[rank] + heights[rank]));
        }
        let last = chain[chain.len() - 2];
        points.push((x(bottom, last, &rows.above[bottom]), y(bottom, -1.0)));
        if edge.0 != top {
            points.reverse();
        }
        points
    };
    let paths = edges.iter().zip(&chains).map(path).collect();
    Layout { places, paths, width, height: tops[tops.len() - 1] - GAP.0 + 2.0 }
}

/// Turns the edges around that close a circle.
fn downward(nodes: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    fn visit(node: usize, edges: &[(usize, usize)], seen: &mut [u8], back: &mut [bool]) {
        seen[node] = 1;
        for (number, edge) in edges.iter().enumerate().filter(|(_, edge)| edge.0 == node) {
            match seen[edge.1] {
                0 => visit(edge.1, edges, seen, back),
                1 => back[number] = true,
                _ => {}
            }
        }
        seen[node] = 2;
    }
    let (mut seen, mut back) = (vec![0; nodes], vec![false; edges.len()]);
    for node in 0..nodes {
        if seen[node] == 0 {
            visit(node, edges, &mut seen, &mut back);
        }
    }
    let turn = |((a, b), back): (&(usize, usize), bool)| if back { (*b, *a) } else { (*a, *b) };
    edges.iter().zip(back).map(turn).collect()
}

/// Puts each node below all that lead to it.
fn ranks(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; nodes];
    for _ in 0..nodes {
        edges.iter().for_each(|(a, b)| ranks[*b] = ranks[*b].max(ranks[*a] + 1));
    }
    ranks
}

impl Rows {
    fn new(sizes: &[Size], ranks: &[usize]) -> Self {
        let mut rows = vec![Vec::new(); ranks.iter().max().map_or(0, |most| most + 1)];
        ranks.iter().enumerate().for_each(|(node, rank)| rows[*rank].push(node));
        let none = vec![Vec::new(); sizes.len()];
        let x = vec![0.0; sizes.len()];
        Self { rows, sizes: sizes.to_vec(), above: none.clone(), below: none, x }
    }

    /// Adds an edge; returns the nodes and places that it passes.
    fn chain(&mut self, (top, bottom): (usize, usize), ranks: &[usize]) -> Vec<usize> {
        let mut chain = vec![top];
        for rank in ranks[top] + 1..ranks[bottom] {
            let place = self.sizes.len();
            self.sizes.push(Size::default());
            self.above.push(Vec::new());
            self.below.push(Vec::new());
            self.x.push(0.0);
            self.rows[rank].push(place);
            chain.push(place);
        }
        chain.push(bottom);
        for pair in chain.windows(2) {
            self.below[pair[0]].push(pair[1]);
            self.above[pair[1]].push(pair[0]);
        }
        chain
    }

    /// Orders the nodes of each row so that few edges cross.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for round in 0..40 {
            let is_down = round % 2 == 0;
            for step in 1..self.rows.len() {
                let (row, other) = match is_down {
                    true => (step, step - 1),
                    false => (self.rows.len() - 1 - step, self.rows.len() - step),
                };
                let places: BTreeMap<_, _> =
                    self.rows[other].iter().enumerate().map(|(at, node)| (*node, at)).collect();
                let next = if is_down { &self.above } else { &self.below };
                let mean = |node: &usize, at: usize| match next[*node].len() {
                    0 => at as f64,
                    many => next[*node].iter().map(|n| places[n] as f64).sum::<f64>() / many as f64,
                };
                let mut sorted: Vec<_> =
                    self.rows[row].iter().enumerate().map(|(at, n)| (mean(n, at), *n)).collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.rows[row] = sorted.into_iter().map(|(_, node)| node).collect();
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn crossings(&self) -> usize {
        let pairs = self.rows.windows(2).map(|two| {
            let at = |node: &usize| two[1].iter().position(|n| n == node).unwrap_or(0);
            let ends: Vec<_> =
                two[0].iter().flat_map(|node| self.below[*node].iter().map(at)).collect();
            let starts: Vec<_> = (two[0].iter().enumerate())
                .flat_map(|(start, node)| self.below[*node].iter().map(move |_| start))
                .collect();
            let crosses = |a: usize, b: usize| starts[a] < starts[b] && ends[a] > ends[b];
            (0..ends.len())
                .flat_map(|a| (a..ends.len()).map(move |b| (a, b)))
                .filter(|(a, b)| crosses(*a, *b))
                .count()
        });
        pairs.sum()
    }

    /// Brings each node near the middle of its neighbours, as far as the others of its row leave room.
    fn place(&mut self) {
        for round in 0..200 {
            for step in 0..self.rows.len() {
                let row = if round % 2 == 0 { step } else { self.rows.len() - 1 - step };
                let wanted: Vec<_> = self.rows[row].iter().map(|node| self.wanted(*node)).collect();
                let found = self.spread(row, &wanted);
                for (node, x) in self.rows[row].iter().zip(found) {
                    self.x[*node] = x;
                }
            }
        }
    }

    /// Returns where a node is nearest to its neighbours, and how strongly it wants to be there.
    fn wanted(&self, node: usize) -> (f64, f64) {
        let (mut sum, mut weights) = (0.0, 0.0);
        for other in self.above[node].iter().chain(&self.below[node]) {
            // Where an edge passes several ranks it goes straight.
            let weight = match (self.is_passed(node), self.is_passed(*other)) {
                (true, true) => 64.0,
                (false, false) => 2.0,
                _ => 1.0,
            };
            sum += weight * self.x[*other];
            weights += weight;
        }
        (sum / weights.max(1.0), weights.max(0.1))
    }

    /// Returns whether this is no node but the place of an edge.
    fn is_passed(&self, place: usize) -> bool {
        self.sizes[place].height == 0.0
    }

    /// Returns the places that are nearest to the wanted ones and keep the distances: neighbours that are too
    /// near to each other become a block, whose middle is the mean of what its nodes want.
    fn spread(&self, row: usize, wanted: &[(f64, f64)]) -> Vec<f64> {
        let nodes = &self.rows[row];
        let mut offsets = vec![0.0; nodes.len()];
        for at in 1..nodes.len() {
            let (a, b) = (self.sizes[nodes[at - 1]], self.sizes[nodes[at]]);
            offsets[at] = offsets[at - 1] + f64::midpoint(a.width, b.width) + GAP.1;
        }
        let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
        for ((wanted, weight), offset) in wanted.iter().zip(&offsets) {
            let mut block = (wanted - offset, *weight, 1);
            while let Some(before) = blocks.pop_if(|before| before.0 > block.0) {
                let weight = before.1 + block.1;
                let mean = (before.0 * before.1 + block.0 * block.1) / weight;
                block = (mean, weight, before.2 + block.2);
            }
            blocks.push(block);
        }
        let starts = blocks.iter().flat_map(|block| core::iter::repeat_n(block.0, block.2));
        starts.zip(offsets).map(|(start, offset)| start + offset).collect()
    }

    /// Returns where the edge to `next` leaves a node: edges to one side are spread over it.
    fn port(&self, node: usize, next: usize, others: &[usize]) -> f64 {
        let left = others.iter().filter(|other| self.x[**other] < self.x[next]).count();
        let step = (self.sizes[node].width * 0.8 / others.len() as f64).min(16.0);
        self.x[node] + step * (left as f64 - (others.len() - 1) as f64 / 2.0)
    }

    fn heights(&self) -> Vec<f64> {
        let height = |node: &usize| self.sizes[*node].height;
        self.rows.iter().map(|row| row.iter().map(height).fold(0.0, f64::max)).collect()
    }
}
