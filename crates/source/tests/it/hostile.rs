//! Commits that nobody makes by accident.

use std::fmt::Write as _;

use lotse_source::{Limits, Outcome};

use crate::world::{World, advanced, broken, look};

/// Looks at a head that holds this tree beside a good one; gives the complaint.
async fn complaint(world: &World) -> String {
    let source = world.source(&world.url());
    let message = broken(&look(&source).await);
    assert!(source.checkout().is_none() && world.revisions().is_empty());
    message
}

#[tokio::test]
async fn links_lead_to_files_of_the_tree_or_the_revision_is_broken() {
    for (target, said) in [
        ("/etc/passwd", "a link out of the tree"),
        ("../../../../../../../../etc/passwd", "a link out of the tree"),
        ("../revision.json", "a link out of the tree"),
        ("..", "a link to a directory"),
        ("missing", "a link to nowhere"),
        ("link", "a link to nowhere"),
        ("images", "a link to a directory"),
    ] {
        let world = World::new();
        // One level down, so that `..` is within the tree but for the first ones.
        let place = if target == ".." { "images/link" } else { "link" };
        std::os::unix::fs::symlink(target, world.repository.path.join(place)).unwrap();
        world.repository.commit("a link");
        let message = complaint(&world).await;
        let outside = target == "../revision.json" && message.contains("a link to nowhere");
        assert!(message.contains(said) || outside, "{target}: {message}");
        assert!(message.contains("link\""), "{message}");
    }
    let world = World::new();
    let link = world.repository.path.join("images/same.yml");
    std::os::unix::fs::symlink("../images/catalog.yml", link).unwrap();
    world.repository.commit("a good link");
    let source = world.source(&world.url());
    advanced(&look(&source).await);
    let text = std::fs::read_to_string(source.root().join("images/same.yml")).unwrap();
    assert_eq!(text, "one");
}

#[tokio::test]
async fn a_link_through_another_link_does_not_leave_the_tree() {
    let world = World::new();
    let at = |path: &str| world.repository.path.join(path);
    std::fs::create_dir_all(at("a/b/c")).unwrap();
    world.repository.write("a/b/c/file", "x");
    std::os::unix::fs::symlink("../..", at("a/b/c/up")).unwrap();
    std::os::unix::fs::symlink("a/b/c/up/../../../../etc/passwd", at("out")).unwrap();
    world.repository.commit("links");
    assert!(complaint(&world).await.contains("a link"));
}

#[tokio::test]
async fn names_that_leave_or_deceive_are_refused() {
    let world = World::new();
    let blob = world.repository.blob(b"x");
    let tree = world.repository.git(&["rev-parse", "HEAD^{tree}"]);
    for (name, said) in [
        (&b"a\nb"[..], "control or invisible"),
        ("im\u{202e}ages".as_bytes(), "control or invisible"),
        (b"\xff", "not UTF-8"),
        (b"a\\b", "separator"),
    ] {
        let line = [format!("100644 blob {blob}\t").as_bytes(), name, b"\0"].concat();
        world.repository.commit_tree(&line);
        let message = complaint(&world).await;
        assert!(message.contains("path that is refused") && message.contains(said), "{message}");
        assert!(!message.contains(['\n', '\u{202e}']), "{message:?}");
    }
    let twins =
        format!("100644 blob {blob}\tREADME\0100644 blob {blob}\treadme\0040000 tree {tree}\tx\0");
    world.repository.commit_tree(twins.as_bytes());
    assert!(complaint(&world).await.contains("only by case"));
}

/// Objects that `git mktree` refuses to make, written by hand.
#[tokio::test]
async fn names_that_git_itself_refuses_are_refused_here_too() {
    let world = World::new();
    let blob = world.repository.blob(b"x");
    let raw_id: Vec<u8> =
        (0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()).collect();
    for (name, said) in [
        (&b".."[..], "leads elsewhere"),
        (b".git", "spelling of .git"),
        (b".GIT", "spelling of .git"),
        (b"../../evil", "separator"),
        (b"/etc/cron.d/evil", "separator"),
    ] {
        let raw = [b"100644 ", name, b"\0", &raw_id].concat();
        let tree = world
            .repository
            .git_with(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &raw);
        world.repository.commit_object(&tree);
        let message = complaint(&world).await;
        assert!(message.contains(said), "{message}");
    }
    // Twice the same name: a link first, then a file that would be written through it.
    let link = world.repository.blob(b"../elsewhere");
    let link_id: Vec<u8> =
        (0..40).step_by(2).map(|at| u8::from_str_radix(&link[at..at + 2], 16).unwrap()).collect();
    let raw = [b"120000 a\0", &link_id[..], b"100644 a\0", &raw_id[..]].concat();
    let tree = world
        .repository
        .git_with(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &raw);
    world.repository.commit_object(&tree);
    let message = complaint(&world).await;
    assert!(message.contains("nothing or only by case"), "{message}");
}

#[tokio::test]
async fn submodules_are_refused() {
    let world = World::new();
    let line = format!("160000 commit {}\tlibrary\0", "1".repeat(40));
    world.repository.commit_tree(line.as_bytes());
    assert_eq!(complaint(&world).await, "the revision has a submodule at \"library\"");
}

#[tokio::test]
async fn nothing_of_the_repository_is_executed() {
    let world = World::new();
    let mark = world.directory.path().join("executed");
    let script = format!("#!/bin/sh\ntouch {}\n", mark.display());
    let command = format!("touch {}; cat", mark.display());
    for hook in ["post-checkout", "post-merge", "reference-transaction"] {
        world.repository.write(&format!(".githooks/{hook}"), &script);
        let path = world.repository.path.join(".githooks").join(hook);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(path, mode).unwrap();
    }
    world.repository.write(".gitattributes", "* filter=evil\n");
    world.repository.write(".lfsconfig", "[lfs]\nurl = http://127.0.0.1:1/\n");
    world.repository.commit("surprises");
    world.repository.git(&["config", "filter.evil.smudge", &command]);
    world.repository.git(&["config", "core.hooksPath", ".githooks"]);
    let source = world.source(&world.url());
    advanced(&look(&source).await);
    assert!(!mark.exists());
    let hook = source.root().join(".githooks/post-checkout");
    let mode = std::os::unix::fs::PermissionsExt::mode(&hook.metadata().unwrap().permissions());
    assert_eq!(mode & 0o111, 0, "files come without the right to execute them");
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_fills_the_disk() {
    let small =
        Limits { file_bytes: 1000, entries: 20, depth: 3, tree_bytes: 3000, ..Limits::default() };
    let mut world = World::new();
    world.limits = small;
    let refused = |what: &'static str| format!("the revision has more than {what}");

    world.repository.write("big", &"x".repeat(1001));
    world.repository.commit("a big file");
    assert_eq!(complaint(&world).await, refused("1000 bytes in one file"));

    for number in 0..4 {
        world.repository.write("big", "small");
        world.repository.write(&format!("part{number}"), &"x".repeat(900));
    }
    world.repository.commit("many bytes");
    assert_eq!(complaint(&world).await, refused("3000 bytes"));

    let world = World { limits: small, ..World::new() };
    for number in 0..30 {
        world.repository.write(&format!("many/{number}"), "x");
    }
    world.repository.commit("many files");
    assert_eq!(complaint(&world).await, refused("20 files, directories and links"));

    let world = World { limits: small, ..World::new() };
    world.repository.write("a/b/c/d/e", "x");
    world.repository.commit("deep");
    assert_eq!(complaint(&world).await, refused("3 directories within each other"));
}

#[tokio::test]
async fn what_is_too_large_to_send_is_cut_off() {
    let mut world = World::new();
    world.limits = Limits { pack_bytes: 1 << 20, objects: 5, ..Limits::default() };
    // Text that does not compress: digits of a simple generator.
    let mut state = 1_u32;
    let mut noise = String::new();
    while noise.len() < 6 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        write!(noise, "{state:08x}").unwrap();
    }
    world.repository.write("noise", &noise);
    world.repository.commit("noise");
    assert_eq!(complaint(&world).await, "the revision has more than 1048576 bytes to send");

    world.limits.pack_bytes = 64 << 20;
    world.repository.write("noise", "no more");
    world.repository.write("1", "1");
    world.repository.write("2", "2");
    world.repository.commit("objects");
    assert_eq!(complaint(&world).await, "the revision has more than 5 objects");
}

/// A file that is small on the wire and huge in memory.
#[tokio::test]
async fn a_bomb_is_not_unpacked() {
    let mut world = World::new();
    world.repository.write("bomb", "");
    let file = std::fs::File::create(world.repository.path.join("bomb")).unwrap();
    file.set_len(80 << 20).unwrap();
    world.repository.git(&["config", "core.bigFileThreshold", "1g"]);
    world.repository.commit("a bomb");
    world.limits = Limits { file_bytes: 1 << 20, ..Limits::default() };
    let source = world.source(&world.url());
    let outcome = look(&source).await;
    let Outcome::Broken { fault, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(fault.message.starts_with("the objects of the revision are damaged"), "{fault:?}");
}
