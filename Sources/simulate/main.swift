import Commands

SimulateCommand.main()
