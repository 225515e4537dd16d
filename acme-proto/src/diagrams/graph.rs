//! A graph of boxes and labels as an SVG picture.
//!
//! It has the colour of the text around it, so that it suits light and dark pages, and needs no script.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::layout::{Size, layout};

/// States in boxes, and labels that stand on the arrows between them.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Node {
    lines: Vec<Line>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    State,
    Group,
    Label,
}

/// A name, and what it means.
pub(crate) type Line = (String, String);

/// The width of a character, and the height of a line.
const CHARACTER: (f64, f64) = (7.3, 17.0);

impl Graph {
    /// Draws states, groups of them, and the events that lead from one to another; a step without an event is a
    /// plain arrow, from a group to one of its own.
    ///
    /// An event has one label for all states in which it leads to the same ones, and events that agree in both
    /// share a label.
    pub(crate) fn new<S: Copy + Ord, E: Copy + Ord>(
        states: &[(S, Line)],
        groups: &[(S, Line)],
        events: &[(E, Line)],
        steps: impl IntoIterator<Item = (S, Option<E>, S)>,
    ) -> Self {
        let mut graph = Self::default();
        let mut places = BTreeMap::new();
        for (state, line) in states {
            places.insert(*state, graph.node(alloc::vec![line.clone()], Shape::State));
        }
        for (group, line) in groups {
            places.insert(*group, graph.node(alloc::vec![line.clone()], Shape::Group));
        }
        let mut targets: BTreeMap<(E, S), BTreeSet<S>> = BTreeMap::new();
        for (from, event, to) in steps {
            match event {
                Some(event) => _ = targets.entry((event, from)).or_default().insert(to),
                None => graph.edges.push((places[&from], places[&to])),
            }
        }
        let mut sources: BTreeMap<(E, BTreeSet<S>), BTreeSet<S>> = BTreeMap::new();
        for ((event, from), to) in targets {
            sources.entry((event, to)).or_default().insert(from);
        }
        let mut labels: BTreeMap<(BTreeSet<S>, BTreeSet<S>), Vec<E>> = BTreeMap::new();
        for ((event, to), from) in sources {
            labels.entry((from, to)).or_default().push(event);
        }
        for ((from, to), named) in labels {
            let listed = events.iter().filter(|(event, _)| named.contains(event));
            let label = graph.node(listed.map(|(_, line)| line.clone()).collect(), Shape::Label);
            graph.edges.extend(from.iter().map(|state| (places[state], label)));
            graph.edges.extend(to.iter().map(|state| (label, places[state])));
        }
        graph
    }

    fn node(&mut self, lines: Vec<Line>, shape: Shape) -> usize {
        self.nodes.push(Node { lines, shape });
        self.nodes.len() - 1
    }

    /// Returns the picture; `title` is read to those who do not see it.
    pub(crate) fn svg(&self, title: &str) -> String {
        let mut sizes: Vec<_> = self.nodes.iter().map(Node::size).collect();
        for (number, size) in
            sizes.iter_mut().enumerate().filter(|(n, _)| self.nodes[*n].shape != Shape::Label)
        {
            let arrows = self.edges.iter().filter(|edge| edge.0 == number || edge.1 == number);
            size.width = size.width.max(14.0 * arrows.count() as f64);
        }
        let layout = layout(&sizes, &self.edges);
        let (width, height) = (layout.width, layout.height);
        // It starts with a tag alone on its line and has no empty line, so that Markdown takes it as it is.
        let mut svg = alloc::format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" style=\"max-width:100%;height:auto\" role=\"img\" \
             aria-label=\"{title}\" font-family=\"monospace\" font-size=\"12\" \
             text-anchor=\"middle\" fill=\"currentColor\">\n"
        );
        svg += "<g fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.6\">\n";
        for (number, edge) in self.edges.iter().enumerate() {
            svg += &self.arrow(*edge, &layout.paths[number]);
        }
        svg += "</g>\n";
        for (node, (at, size)) in self.nodes.iter().zip(layout.places.iter().zip(&sizes)) {
            svg += &node.svg(*at, *size);
        }
        svg + "</svg>\n"
    }

    /// Draws a line through its points, with a head where it arrives at a box.
    fn arrow(&self, (_, to): (usize, usize), points: &[(f64, f64)]) -> String {
        let Some(((x, y), rest)) = points.split_first() else { return String::new() };
        let mut path = alloc::format!("<path d=\"M{x:.0} {y:.0}");
        let mut before = (*x, *y);
        for (x, y) in rest {
            let middle = f64::midpoint(before.1, *y);
            // A curve that starts and ends upright; straight where both ends are above each other.
            let _ = match (before.0 - x).abs() < 0.5 {
                true => write!(path, " L{x:.0} {y:.0}"),
                false => {
                    let x0 = before.0;
                    write!(path, " C{x0:.0} {middle:.0} {x:.0} {middle:.0} {x:.0} {y:.0}")
                }
            };
            before = (*x, *y);
        }
        path += "\"/>\n";
        if self.nodes[to].shape != Shape::Label {
            let (x, y) = before;
            let is_downward = points.len() < 2 || points[points.len() - 2].1 < y;
            let back = if is_downward { y - 7.0 } else { y + 7.0 };
            let (left, right) = (x - 3.5, x + 3.5);
            let _ = writeln!(
                path,
                "<path fill=\"currentColor\" d=\"M{x:.0} {y:.0} L{left:.1} {back:.0} L{right:.1} {back:.0} Z\"/>"
            );
        }
        path
    }
}

impl Node {
    fn size(&self) -> Size {
        let longest = self.lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let (margin_x, margin_y) = match self.shape {
            Shape::State | Shape::Group => (20.0, 10.0),
            Shape::Label => (10.0, 2.0),
        };
        Size {
            width: CHARACTER.0 * longest as f64 + margin_x,
            height: CHARACTER.1 * self.lines.len() as f64 + margin_y,
        }
    }

    fn svg(&self, (x, y): (f64, f64), size: Size) -> String {
        let mut svg = String::new();
        let (left, top) = (x - size.width / 2.0, y - size.height / 2.0);
        let (border, text) = match self.shape {
            Shape::State => (" stroke=\"currentColor\"", " font-weight=\"bold\""),
            Shape::Group => (" stroke=\"currentColor\" stroke-dasharray=\"4 3\"", ""),
            Shape::Label => ("", " font-style=\"italic\""),
        };
        if !border.is_empty() {
            let Size { width, height } = size;
            let _ = writeln!(
                svg,
                "<rect x=\"{left:.0}\" y=\"{top:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
                 rx=\"6\" fill=\"none\"{border}/>"
            );
        }
        let first = y - CHARACTER.1 * (self.lines.len() as f64 - 1.0) / 2.0 + 4.0;
        for (number, (name, doc)) in self.lines.iter().enumerate() {
            let y = first + CHARACTER.1 * number as f64;
            let doc = doc.replace('&', "&amp;").replace('<', "&lt;");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.0}\" y=\"{y:.0}\"{text}>{name}<title>{doc}</title></text>"
            );
        }
        svg
    }
}
