#!/bin/sh
attrd_updater -n '#health-bmc' -U red || exit 1
until crm_mon -1 --output-as=xml --resource=app3 | grep -A3 'id="app3".*role="Started"' | grep '<node ' | grep -qv "name=\"$(uname -n)\""; do sleep 0.05; done
