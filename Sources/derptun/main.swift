import Commands

DerptunCommand.start()
