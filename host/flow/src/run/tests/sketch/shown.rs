//! A sketch as text: what a failed test prints.

use std::fmt;

use super::{Piece, Sketch, Waits, What, name};
use crate::graph::Join;

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nfailures are {}{}",
            self.code,
            ["", "; time may run out"][usize::from(self.deadlines)]
        )?;
        show(f, &self.nodes, "", 1)
    }
}

fn show(f: &mut fmt::Formatter<'_>, nodes: &[Piece], prefix: &str, depth: usize) -> fmt::Result {
    for (at, piece) in nodes.iter().enumerate() {
        let id = name(prefix, at);
        write!(f, "{:1$}{id}: ", "", depth * 2)?;
        match &piece.what {
            What::Leaf(script) => {
                write!(f, "{:?}", script.class)?;
                if script.fails > 0 {
                    write!(f, ", fails {} of {}", script.fails, script.tries)?;
                    script.only.map_or(Ok(()), |item| write!(f, " in item {item}"))?;
                }
            }
            What::Wait(Waits { what, comes }) => {
                write!(f, "{what:?}{}", if *comes { "" } else { ", does not come" })?;
            }
            What::Switch { cases, otherwise, by, chance, .. } => {
                let otherwise = if *otherwise { " + else" } else { "" };
                let chance = if *chance { " by chance" } else { "" };
                write!(f, "switch{chance} of {cases}{otherwise}, shifted by {by}")?;
            }
            What::Map { items, concurrency, mode, .. } => {
                write!(f, "map {items:?}, {concurrency} at a time, {mode:?}")?;
            }
            What::Loop { first, limit, max, .. } => {
                write!(f, "loop from {first} to {limit}, {max} at most")?;
            }
            What::Parallel { mode, .. } => write!(f, "parallel, {mode:?}")?,
            What::Race(_) => write!(f, "race")?,
            What::Try { .. } => write!(f, "try")?,
        }
        if piece.join != Join::All {
            write!(f, ", {:?} of", piece.join)?;
        }
        let undo = if piece.undo { ", can be undone" } else { "" };
        write!(f, "{undo}")?;
        piece.verify.map_or(Ok(()), |finder| write!(f, ", found out by a {finder:?}"))?;
        for edge in &piece.needs {
            write!(f, ", {} {:?}", name(prefix, edge.from), edge.kind)?;
        }
        writeln!(f)?;
        match &piece.what {
            What::Leaf(_) | What::Wait(_) => {}
            What::Map { body, .. } | What::Loop { body, .. } => show(f, body, &id, depth + 1)?,
            What::Parallel { branches, .. } | What::Race(branches) => {
                for (at, body) in branches.iter().enumerate() {
                    writeln!(f, "{:1$}branch {at}", "", depth * 2 + 1)?;
                    show(f, body, &id, depth + 1)?;
                }
            }
            What::Try { body, catch, finally } => {
                show(f, body, &id, depth + 1)?;
                if let Some((takes, body)) = catch {
                    writeln!(f, "{:1$}catch, which {takes:?}", "", depth * 2 + 1)?;
                    show(f, body, &id, depth + 1)?;
                }
                if let Some(body) = finally {
                    writeln!(f, "{:1$}finally", "", depth * 2 + 1)?;
                    show(f, body, &id, depth + 1)?;
                }
            }
            What::Switch { bodies, .. } => {
                for (case, body) in bodies.iter().enumerate().filter(|(_, body)| !body.is_empty()) {
                    writeln!(f, "{:1$}case {case}", "", depth * 2 + 1)?;
                    show(f, body, &id, depth + 1)?;
                }
            }
        }
    }
    Ok(())
}
