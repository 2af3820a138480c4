import bmcnotice

with bmcnotice.Context("bmcnotice.toml") as ctx:

    @ctx.recovery("mrw1")  # the monitor's name in bmcnotice.toml
    def move(recovery):
        print(f"moving {recovery.target} away: {recovery.notice.sentence}", flush=True)
        return True  # done; False: failed; bmcnotice.LATER: ctx.complete() will tell

    ctx.run()  # until Ctrl-C
