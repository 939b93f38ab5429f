//! Which names a person may have meant. Pure.

/// Up to `count` names, nearest first: by edit distance, with names that contain the wanted one ahead of strangers.
pub(crate) fn nearest(wanted: &str, names: &[String], count: usize) -> Vec<String> {
    let lowered = wanted.to_lowercase();
    let mut rated: Vec<(usize, &String)> = names
        .iter()
        .map(|name| {
            let candidate = name.to_lowercase();
            let is_part = candidate.contains(&lowered) || lowered.contains(&candidate);
            let distance = edit_distance(&lowered, &candidate);
            (if is_part { distance.min(2) } else { distance }, name)
        })
        .filter(|(distance, name)| *distance <= 2.max(name.chars().count() / 3))
        .collect();
    rated.sort();
    rated.into_iter().take(count).map(|(_, name)| name.clone()).collect()
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_branch() {
        let names = ["main", "develop", "release/1.2", "feature/login"].map(str::to_owned);
        assert_eq!(nearest("mian", &names, 5), ["main"]);
        assert_eq!(nearest("MAIN", &names, 5), ["main"]);
        assert_eq!(nearest("login", &names, 5), ["feature/login"]);
        assert_eq!(nearest("devlop", &names, 5)[0], "develop");
        assert!(nearest("something-else-entirely", &names, 5).is_empty());
    }
}
