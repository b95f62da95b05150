//! The flows that the page about blocks shows, as they stand there, with what it says that they give.

use crate::world::World;

#[test]
fn each_flow_of_the_page_about_blocks_gives_what_the_page_says() {
    let page = include_str!("../../host/flow/README.md");
    let world = World::empty();
    let mut flows = 0;
    for part in page.split("```yaml\n").skip(1) {
        let (flow, after) = part.split_once("\n```").expect("the block ends");
        let Some(says) = after.split("\n\n").find(|text| text.contains("t gives `")) else {
            panic!("what does it give?\n{flow}")
        };
        let mut code = says.split('`').skip(1).step_by(2);
        let mut arguments = vec!["run", "flow.yaml", "--output", "json"];
        let output = loop {
            match code.next().expect("the output is code too") {
                input if input.contains('=') => arguments.extend(["--input", input]),
                output => break output,
            }
        };
        world.write("flow.yaml", flow);
        world.run(&["check", "flow.yaml"]).expect(0, &["flow.yaml is right"]);
        let done = world.json(&arguments);
        let expected: serde_json::Value = serde_json::from_str(output).unwrap();
        assert_eq!(done["outcome"]["output"], expected, "{flow}\n{done}");
        flows += 1;
    }
    assert!(flows > 3, "{flows} flows");
}
