//! What `crm_mon -1 -r --output-as=xml` of Pacemaker 2.1.5 prints, in the form of `tests/vectors/pacemaker`.

use crate::pacemaker::{Cib, Member, Run, Service};
use std::fmt::Write;

pub fn name(node: usize) -> String {
    format!("node{}", node + 1)
}

pub fn crm_mon(cib: &Cib) -> String {
    let mut xml = String::from(
        "<pacemaker-result api-version=\"2.25\" request=\"crm_mon -1 -r --output-as=xml\">\n  <pacemakerd \
         sys_from=\"pacemakerd\" state=\"running\" last_updated=\"2026-11-22 22:57:55Z\"/>\n  <summary>\n    <stack \
         type=\"corosync\"/>\n",
    );
    let quorum = cib.quorum;
    match cib.coordinator {
        Some(node) => writeln!(
            xml,
            "    <current_dc present=\"true\" version=\"2.1.5-a3f44794f94\" name=\"{}\" id=\"{}\" with_quorum=\"{quorum}\" \
             mixed_version=\"false\"/>",
            name(node),
            node + 1
        ),
        None => writeln!(xml, "    <current_dc present=\"false\"/>"),
    }
    .unwrap();
    writeln!(
        xml,
        "    <nodes_configured number=\"{}\"/>\n    <resources_configured number=\"{}\" disabled=\"{}\" blocked=\"0\"/>\n    \
         <cluster_options stonith-enabled=\"false\" symmetric-cluster=\"true\" no-quorum-policy=\"stop\" \
         maintenance-mode=\"false\" stop-all-resources=\"false\" stonith-timeout-ms=\"60000\" \
         priority-fencing-delay-ms=\"0\"/>\n  </summary>\n  <nodes>",
        cib.nodes.len(),
        cib.services.len(),
        cib.services.iter().filter(|service| service.disabled).count()
    )
    .unwrap();
    for (place, node) in cib.nodes.iter().enumerate() {
        member(&mut xml, cib, place, node);
    }
    xml.push_str("  </nodes>\n  <resources>\n");
    for (place, service) in cib.services.iter().enumerate() {
        resource(&mut xml, cib, place, service);
    }
    xml.push_str("  </resources>\n  <node_history>\n");
    for node in 0..cib.nodes.len() {
        writeln!(xml, "    <node name=\"{}\">", name(node)).unwrap();
        for (_, service) in cib.history.iter().filter(|(of, _)| *of == node) {
            writeln!(
                xml,
                "      <resource_history id=\"svc{service}\" orphan=\"false\" migration-threshold=\"1000000\"/>"
            )
            .unwrap();
        }
        xml.push_str("    </node>\n");
    }
    xml.push_str("  </node_history>\n  <status code=\"0\" message=\"OK\"/>\n</pacemaker-result>\n");
    xml
}

fn member(xml: &mut String, cib: &Cib, place: usize, node: &Member) {
    let health = if node.red || node.ill { "red" } else { "green" };
    let running = cib.services.iter().filter(|service| service.run.node() == Some(place)).count();
    writeln!(
        xml,
        "    <node name=\"{}\" id=\"{}\" online=\"{}\" standby=\"{}\" standby_onfail=\"false\" maintenance=\"{}\" \
         pending=\"{}\" unclean=\"false\" health=\"{health}\" feature_set=\"3.16.1\" shutdown=\"false\" \
         expected_up=\"true\" is_dc=\"{}\" resources_running=\"{running}\" type=\"member\"/>",
        name(place),
        place + 1,
        node.member,
        node.standby || node.parked,
        node.maintenance,
        node.pending,
        cib.coordinator == Some(place),
    )
    .unwrap();
}

fn resource(xml: &mut String, cib: &Cib, place: usize, service: &Service) {
    let (role, node) = match service.run {
        Run::Stopped => ("Stopped", None),
        Run::Starting(node) => ("Starting", Some(node)),
        Run::Started(node) => ("Started", Some(node)),
        Run::Stopping(node) => ("Stopping", Some(node)),
    };
    let target = if service.disabled { " target_role=\"Stopped\"" } else { "" };
    let managed = !node.is_some_and(|node| cib.nodes[node].maintenance);
    write!(
        xml,
        "    <resource id=\"svc{place}\" resource_agent=\"ocf:pacemaker:Dummy\" role=\"{role}\"{target} active=\"{}\" \
         orphaned=\"false\" blocked=\"false\" managed=\"{managed}\" failed=\"false\" failure_ignored=\"false\" \
         nodes_running_on=\"{}\"",
        node.is_some(),
        u8::from(node.is_some())
    )
    .unwrap();
    match node {
        None => xml.push_str("/>\n"),
        Some(node) => writeln!(
            xml,
            ">\n      <node name=\"{}\" id=\"{}\" cached=\"true\"/>\n    </resource>",
            name(node),
            node + 1
        )
        .unwrap(),
    }
}
