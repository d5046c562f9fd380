import Commands

DerpholeCommand.main()
