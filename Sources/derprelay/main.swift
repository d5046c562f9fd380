import Commands

RelayCommand.main()
