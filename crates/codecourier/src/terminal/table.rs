//! Rows under each other: every column as wide as its widest cell.

use super::line::{Line, Tone};
use super::text::{self, LineFeeds};

/// A cell: what it says, and what that means.
pub(crate) type Cell = (Tone, String);

/// The rows as lines, two blanks between columns. The last column is as wide as it likes.
pub(crate) fn table(rows: impl IntoIterator<Item = Vec<Cell>>) -> Vec<Line> {
    let rows: Vec<Vec<Cell>> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(|(tone, cell)| (tone, text::clean(&cell, LineFeeds::Fold)))
                .collect()
        })
        .collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        for (index, (_, cell)) in row.iter().enumerate() {
            let columns = text::columns(cell);
            match widths.get_mut(index) {
                Some(width) => *width = columns.max(*width),
                None => widths.push(columns),
            }
        }
    }
    // A column in which nobody has anything is not there.
    let shown = |index: usize| widths.get(index).copied().filter(|width| *width > 0);
    let line = |row: &Vec<Cell>| {
        let last = row.iter().rposition(|(_, cell)| !cell.is_empty()).unwrap_or(0);
        let mut line = Line::new();
        for (index, (tone, cell)) in row.iter().enumerate().take(last + 1) {
            let Some(width) = shown(index) else { continue };
            line = line.and(*tone, cell);
            if index < last {
                line = line.and(Tone::Plain, &" ".repeat(width - text::columns(cell) + 2));
            }
        }
        line
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Paint;
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_every_script() {
        let row = |cells: [&str; 4]| cells.map(|cell| (Tone::Plain, cell.to_owned())).to_vec();
        let lines = table([
            row(["ada", "", "owner", "Ada Lovelace"]),
            row(["日本", "", "member", ""]),
            row(["x\ny", "", "", "z"]),
        ]);
        let shown: Vec<String> = lines.iter().map(|line| line.render(80, Paint::PLAIN)).collect();
        assert_eq!(shown, ["ada   owner   Ada Lovelace", "日本  member", "x y           z"]);
        assert!(table(Vec::<Vec<Cell>>::new()).is_empty());
    }
}
